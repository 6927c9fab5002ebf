/* SPDX-License-Identifier: MIT */
/*
 * monkey/objects.h - the loaded objects, and which of them are left alone.
 */
#ifndef THRUMI_MONKEY_OBJECTS_H
#define THRUMI_MONKEY_OBJECTS_H

#include <stdbool.h>

#include "sys/slots.h"

struct thrumi_object_seen {
    const char *path; /* the program's own is "" */
    struct thrumi_slots slots;
    const struct dl_phdr_info *info;
    const char *left_alone; /* why, in a few words; NULL: it is not */
};

/* The same of an object by its path; what is not known to be one of those is
 * not. */
const char *thrumi_objects_left_alone(const char *path);
bool thrumi_objects_is_thrum(const char *path);

/* How many were ever loaded. */
unsigned long long thrumi_objects_loaded(void);

/* Calls fn with each object of the base namespace that has slots, until it
 * returns false. No object comes or goes meanwhile. */
void thrumi_objects_each(bool (*fn)(const struct thrumi_object_seen *object,
                                    void *arg),
                         void *arg);

#endif /* THRUMI_MONKEY_OBJECTS_H */
