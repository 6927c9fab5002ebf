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

#include "sys/object.h"

/* How the names of those begin that are left alone, and why. */
static const struct {
    const char *name;
    const char *why;
} objects_alone[] = {
    {"libthrum", "Thrum itself"},
    {"libc.so.", "libc"},
    {"libc-", "libc"},
    {"ld-linux", "the loader"},
    {"ld-2.", "the loader"},
    {"libasan", "of a sanitizer"},
    {"libtsan.", "of a sanitizer"},
    {"libubsan", "of a sanitizer"},
    {"liblsan", "of a sanitizer"},
    {"libclang_rt", "of a sanitizer"},
    {"linux-vdso", "the kernel's"},
    {"vgpreload", "of Valgrind"},
};

bool thrumi_objects_is_thrum(const char *path)
{
    return strncmp(thrumi_object_name(path), "libthrum", strlen("libthrum")) ==
           0;
}

const char *thrumi_objects_left_alone(const char *path)
{
    const char *name = thrumi_object_name(path);

    for (size_t i = 0; i < sizeof(objects_alone) / sizeof(objects_alone[0]);
         i++)
        if (strncmp(name, objects_alone[i].name,
                    strlen(objects_alone[i].name)) == 0)
            return objects_alone[i].why;
    return NULL;
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
    object.left_alone = objects_is_self(&object.slots)
                            ? "Thrum itself"
                            : thrumi_objects_left_alone(object.path);
    return visit->fn(&object, visit->arg) ? 0 : 1;
}

void thrumi_objects_each(bool (*fn)(const struct thrumi_object_seen *object,
                                    void *arg),
                         void *arg)
{
    struct objects_visit visit = {fn, arg};

    (void)dl_iterate_phdr(objects_visit, &visit);
}

static int objects_count(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    *(unsigned long long *)arg = info->dlpi_adds;
    return 1;
}

unsigned long long thrumi_objects_loaded(void)
{
    unsigned long long loaded = 0;

    (void)dl_iterate_phdr(objects_count, &loaded);
    return loaded;
}
