/* SPDX-License-Identifier: MIT */
/*
 * sys/namespaces.c - objects that dlmopen() has loaded apart from all others.
 *
 * dl_iterate_phdr() goes through the namespace of its caller alone. But the
 * loader keeps a list of all for debuggers, the first being the program's.
 */
#include "sys/namespaces.h"

#include <features.h>
#include <link.h>
#include <stddef.h>

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
/* The second version of it has a next one. */
static const struct r_debug_extended *
namespaces_next(const struct r_debug_extended *one)
{
    return one->base.r_version < 2 ? NULL : one->r_next;
}

struct namespaces_visit {
    void (*fn)(const char *path, void *arg);
    void *arg;
};

/* Whatever object it is: what counts is that none comes or goes meanwhile. */
static int namespaces_visit(struct dl_phdr_info *info, size_t size, void *arg)
{
    const struct r_debug_extended *one = (const void *)&_r_debug;
    const struct namespaces_visit *visit = arg;

    (void)info;
    (void)size;
    while ((one = namespaces_next(one)) != NULL)
        for (const struct link_map *map = one->base.r_map; map != NULL;
             map = map->l_next)
            if (map->l_name[0] != '\0')
                visit->fn(map->l_name, visit->arg);
    return 1;
}

void thrumi_namespaces_each(void (*fn)(const char *path, void *arg), void *arg)
{
    struct namespaces_visit visit = {fn, arg};

    (void)dl_iterate_phdr(namespaces_visit, &visit);
}
#else
void thrumi_namespaces_each(void (*fn)(const char *path, void *arg), void *arg)
{
    (void)fn;
    (void)arg;
}
#endif
