/* SPDX-License-Identifier: MIT */
/*
 * monkey/load.c - objects that come later, and vfork.
 *
 * dlopen() looks at who calls it: for a name without a slash it searches the
 * folders that the caller's object was linked with (RUNPATH). Called from here
 * that would be this library, so such a name is looked for in those folders
 * first, in the order that the loader tells; what is beyond them, the loader's
 * cache and its own folders, is the same for all. dlsym() asks too, for RTLD_NEXT:
 * its hook is in sys/dlsym_*.S.
 *
 * A child of vfork() runs in its parent's memory, so that it must neither park
 * nor close what the parent's hub watches. It is made by fork() instead, which a
 * program that uses vfork() as it is allowed to cannot tell apart.
 */
#include <limits.h>
#include <link.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monkey/hooks.h"
#include "monkey/patch.h"
#include "monkey/table.h"

/* The object that the address is in, as dlopen() would give it; or NULL. */
static void *load_handle_of(const void *address)
{
    struct link_map *map = NULL;
    Dl_info info;

    if (dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 ||
        map == NULL)
        return NULL;
    return thrumi_original.dlopen(map->l_name[0] == '\0' ? NULL : map->l_name,
                                  RTLD_LAZY | RTLD_NOLOAD);
}

/* Where the object's own libraries are searched; to be freed; or NULL. */
static Dl_serinfo *load_folders(void *handle)
{
    Dl_serinfo size;
    Dl_serinfo *info;

    if (dlinfo(handle, RTLD_DI_SERINFOSIZE, &size) != 0)
        return NULL;
    info = malloc(size.dls_size);
    if (info == NULL)
        return NULL;
    if (dlinfo(handle, RTLD_DI_SERINFOSIZE, info) == 0 &&
        dlinfo(handle, RTLD_DI_SERINFO, info) == 0)
        return info;
    free(info);
    return NULL;
}

/* The file, in a folder that is not the loader's own. */
static bool load_find_in(const Dl_serinfo *info, const char *name, char *path)
{
    for (unsigned i = 0; i < info->dls_cnt; i++) {
        const Dl_serpath *folder = &info->dls_serpath[i];
        int n;

        if (folder->dls_flags & LA_SER_DEFAULT)
            break;
        n = snprintf(path, PATH_MAX, "%s/%s", folder->dls_name, name);
        if (n > 0 && n < PATH_MAX && access(path, R_OK) == 0)
            return true;
    }
    return false;
}

/* What the caller's dlopen() would find first, where the caller matters. */
static bool load_find(const char *name, const void *caller, char *path)
{
    void *handle = load_handle_of(caller);
    Dl_serinfo *info;
    bool found = false;

    if (handle == NULL)
        return false;
    info = load_folders(handle);
    if (info != NULL)
        found = load_find_in(info, name, path);
    free(info);
    dlclose(handle);
    return found;
}

/* A path has PATH_MAX bytes, which is too much for a small stack. */
static void *load_by_name(const char *name, int flags, const void *caller)
{
    void *object = thrumi_original.dlopen(name, flags | RTLD_NOLOAD);
    char *path;

    if (object != NULL) /* it is there: flags may be added */
        return object;
    path = malloc(PATH_MAX);
    if (path != NULL && load_find(name, caller, path))
        object = thrumi_original.dlopen(path, flags);
    else
        object = thrumi_original.dlopen(name, flags);
    free(path);
    return object;
}

void *thrumi_hook_dlopen(const char *name, int flags)
{
    const void *caller = __builtin_return_address(0);
    void *object;

    if (name == NULL || strchr(name, '/') != NULL)
        object = thrumi_original.dlopen(name, flags);
    else
        object = load_by_name(name, flags, caller);
    if (object != NULL)
        thrumi_monkey_look_again();
    return object;
}

/* ---- dlsym ---- */

uintptr_t thrumi_dlsym_original;

static atomic_uint load_answers; /* that were hooks */

unsigned thrumi_dlsym_answers(void)
{
    return atomic_load_explicit(&load_answers, memory_order_relaxed);
}

/* The hook, if what would be found is the original of a patched name; NULL: it is
 * to be looked for as it was asked. RTLD_NEXT depends on the caller. */
void *thrumi_dlsym_answer(void *handle, const char *name)
{
    const struct thrumi_monkey_row *row;

    /* relaxed: several write the same */
    __atomic_store_n(&thrumi_dlsym_original,
                     (uintptr_t)(void *)thrumi_original.dlsym,
                     __ATOMIC_RELAXED);
    if (handle == RTLD_NEXT || name == NULL)
        return NULL;
    row = thrumi_monkey_find(name);
    if (row == NULL || (row->families & thrumi_monkey_families()) == 0 ||
        (uintptr_t)thrumi_original.dlsym(handle, name) != row->original)
        return NULL;
    atomic_fetch_add_explicit(&load_answers, 1, memory_order_relaxed);
    return (void *)row->hook;
}

/* ---- vfork ---- */

pid_t thrumi_hook_vfork(void)
{
    return fork();
}
