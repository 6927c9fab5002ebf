/* SPDX-License-Identifier: MIT */
/*
 * sys/object.h - the program and the shared objects that it has loaded, and
 * what names a function in each of them for another process of the same
 * program: the object's identity and an offset in it.
 */
#ifndef THRUMI_SYS_OBJECT_H
#define THRUMI_SYS_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#define THRUMI_OBJECT_ID 32

/* The build id that the linker put in; where there is none, a sum over what is
 * mapped of it. */
struct thrumi_object_id {
    unsigned char bytes[THRUMI_OBJECT_ID];
};

struct thrumi_object {
    uintptr_t base; /* offsets are from here */
    uintptr_t low;  /* where its code lies */
    uintptr_t high;
    const char *path; /* the loader's; "" for the program itself */
    struct thrumi_object_id id;
};

/* The last part of a path that the loader has told. Unseen by ThreadSanitizer, which
 * forgets reads of a name that the loader frees later, but not of the zero at its
 * end if a word of memory begins there. */
__attribute__((no_sanitize("thread"))) static inline const char *
thrumi_object_name(const char *path)
{
    const char *name = path;

    for (; *path != '\0'; path++)
        if (*path == '/')
            name = path + 1;
    return name;
}

/* The object whose code is at the address; false if none has it. */
bool thrumi_object_of(uintptr_t address, struct thrumi_object *ret);
/* The loaded object with this identity. */
bool thrumi_object_find(const struct thrumi_object_id *id,
                        struct thrumi_object *ret);
/* Loads the object at `path`, for good: NULL, or why it could not be. */
const char *thrumi_object_load(const char *path);

/* The identity of the object that this library is in. */
struct thrumi_object_id thrumi_object_self(void);

/* Does this library come with the program, before its first instruction? */
bool thrumi_object_at_start(void);

#endif /* THRUMI_SYS_OBJECT_H */
