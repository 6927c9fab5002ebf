/* SPDX-License-Identifier: MIT */
/*
 * monkey/objects.c - the loaded objects.
 *
 * Thrum itself must reach the originals. libc and the loader call each other as
 * they see fit; what they wait for inside is for hooks of their own. Runtimes of
 * sanitizers stand between a program and libc and are called by us as libc is.
 */
#include "monkey/objects.h"

#include <string.h>

/* How the names of those begin that are left alone. */
static const char *const objects_alone[] = {
    "libthrum",   "libc.so.",  "libc-",    "ld-linux", "ld-2.",
    "libasan",    "libtsan.",  "libubsan", "liblsan",  "libclang_rt",
    "linux-vdso", "vgpreload", NULL};

static bool objects_is_named_alone(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;

    for (size_t i = 0; objects_alone[i] != NULL; i++)
        if (strncmp(name, objects_alone[i], strlen(objects_alone[i])) == 0)
            return true;
    return false;
}

/* Does this code lie in it? */
static bool objects_is_self(const struct thrumi_slots *slots)
{
    uintptr_t here = (uintptr_t)(void *)thrumi_objects_each;

    return here >= slots->low && here < slots->high;
}

struct objects_visit {
    bool (*fn)(const struct thrumi_object_seen *object, void *arg);
    void *arg;
};

static int objects_visit(struct dl_phdr_info *info, size_t size, void *arg)
{
    const struct objects_visit *visit = arg;
    struct thrumi_object_seen object = {.path = info->dlpi_name, .info = info};

    (void)size;
    if (!thrumi_slots_open(&object.slots, info))
        return 0;
    object.left_alone =
        objects_is_named_alone(object.path) || objects_is_self(&object.slots);
    return visit->fn(&object, visit->arg) ? 0 : 1;
}

void thrumi_objects_each(bool (*fn)(const struct thrumi_object_seen *object,
                                    void *arg),
                         void *arg)
{
    struct objects_visit visit = {fn, arg};

    (void)dl_iterate_phdr(objects_visit, &visit);
}
