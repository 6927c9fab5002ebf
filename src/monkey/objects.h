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
    bool left_alone; /* Thrum itself, libc, the loader, a sanitizer's */
};

/* Calls fn with each object of the base namespace that has slots, until it
 * returns false. No object comes or goes meanwhile. */
void thrumi_objects_each(bool (*fn)(const struct thrumi_object_seen *object,
                                    void *arg),
                         void *arg);

#endif /* THRUMI_MONKEY_OBJECTS_H */
