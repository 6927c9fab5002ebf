/* SPDX-License-Identifier: MIT */
/*
 * sys/object.c - the program and the shared objects that it has loaded.
 *
 * The loader's list is walked each time: objects come and go, and whoever asks
 * often keeps the answer (pool/process_functions.c).
 *
 * Whether this library comes with the program is read from what the program and
 * the objects it names need (DT_NEEDED), not from the order of the list, which
 * says nothing of when.
 */
#include "sys/object.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#define OBJECT_MOST 512 /* objects that are looked at */

/* ---- identity ---- */

static size_t object_align4(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

/* The build id in a segment of notes. */
static bool object_note_id(const char *notes, size_t size,
                           struct thrumi_object_id *ret)
{
    while (size >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        size_t name;
        size_t whole;

        memcpy(&note, notes, sizeof(note));
        name = object_align4(note.n_namesz);
        whole = sizeof(note) + name + object_align4(note.n_descsz);
        if (whole > size)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(notes + sizeof(note), "GNU", 4) == 0 && note.n_descsz > 0 &&
            note.n_descsz <= THRUMI_OBJECT_ID) {
            memcpy(ret->bytes, notes + sizeof(note) + name, note.n_descsz);
            return true;
        }
        notes += whole;
        size -= whole;
    }
    return false;
}

/* For objects without: FNV-1a over the shape of the object, and its code's
 * first page, which holds the headers or the first functions. */
static uint64_t object_sum(uint64_t sum, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < size; i++)
        sum = (sum ^ at[i]) * 1099511628211u;
    return sum;
}

static void object_sum_id(const struct dl_phdr_info *info,
                          struct thrumi_object_id *ret)
{
    uint64_t sum = object_sum(14695981039346656037u, info->dlpi_phdr,
                              info->dlpi_phnum * sizeof(info->dlpi_phdr[0]));

    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];

        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0 &&
            (part->p_flags & PF_R) != 0)
            sum =
                object_sum(sum, (const void *)(info->dlpi_addr + part->p_vaddr),
                           part->p_filesz < 4096 ? part->p_filesz : 4096);
    }
    memcpy(ret->bytes, &sum, sizeof(sum));
}

static void object_set_id(const struct dl_phdr_info *info,
                          struct thrumi_object_id *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];

        if (part->p_type == PT_NOTE &&
            object_note_id((const char *)(info->dlpi_addr + part->p_vaddr),
                           part->p_filesz, ret))
            return;
    }
    object_sum_id(info, ret);
}

/* ---- looking for one ---- */

struct object_search {
    uintptr_t address; /* in its code; or 0 */
    const struct thrumi_object_id *id;
    struct thrumi_object *found;
};

/* The bounds of its code; false if it has none. */
static bool object_bounds(const struct dl_phdr_info *info,
                          struct thrumi_object *ret)
{
    ret->low = UINTPTR_MAX;
    ret->high = 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + part->p_vaddr;

        if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0)
            continue;
        if (begin < ret->low)
            ret->low = begin;
        if (begin + part->p_memsz > ret->high)
            ret->high = begin + part->p_memsz;
    }
    return ret->high != 0;
}

static int object_look(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct object_search *search = arg;
    struct thrumi_object object;

    (void)size;
    if (!object_bounds(info, &object))
        return 0;
    if (search->address != 0 &&
        (search->address < object.low || search->address >= object.high))
        return 0;
    object_set_id(info, &object.id);
    if (search->id != NULL &&
        memcmp(search->id, &object.id, sizeof(object.id)) != 0)
        return 0;
    object.base = info->dlpi_addr;
    object.path = info->dlpi_name;
    *search->found = object;
    return 1;
}

bool thrumi_object_of(uintptr_t address, struct thrumi_object *ret)
{
    struct object_search search = {address, NULL, ret};

    return address != 0 && dl_iterate_phdr(object_look, &search) == 1;
}

bool thrumi_object_find(const struct thrumi_object_id *id,
                        struct thrumi_object *ret)
{
    struct object_search search = {0, id, ret};

    return dl_iterate_phdr(object_look, &search) == 1;
}

const char *thrumi_object_load(const char *path)
{
    const char *why;

    if (dlopen(path, RTLD_NOW | RTLD_NODELETE) != NULL)
        return NULL;
    why = dlerror();
    return why == NULL ? "it cannot be loaded" : why;
}

struct thrumi_object_id thrumi_object_self(void)
{
    struct thrumi_object self;

    if (!thrumi_object_of((uintptr_t)&thrumi_object_self, &self))
        memset(&self, 0, sizeof(self));
    return self.id;
}

/* ---- does the program need us? ---- */

/* An entry's address in memory: some loaders have relocated it, some not. */
static uintptr_t object_entry(const struct link_map *map, ElfW(Xword) tag)
{
    for (const ElfW(Dyn) *at = map->l_ld; at->d_tag != DT_NULL; at++)
        if ((ElfW(Xword))at->d_tag == tag)
            return at->d_un.d_ptr < map->l_addr ? at->d_un.d_ptr + map->l_addr
                                                : at->d_un.d_ptr;
    return 0;
}

/* What others call it: its own name for that, or its file's. */
static const char *object_name(const struct link_map *map)
{
    const char *strings = (const char *)object_entry(map, DT_STRTAB);

    for (const ElfW(Dyn) *at = map->l_ld; at->d_tag != DT_NULL; at++)
        if (at->d_tag == DT_SONAME && strings != NULL)
            return strings + at->d_un.d_val;
    return thrumi_object_name(map->l_name);
}

static bool object_needs(const struct link_map *map, const char *name)
{
    const char *strings = (const char *)object_entry(map, DT_STRTAB);

    for (const ElfW(Dyn) *at = map->l_ld; at->d_tag != DT_NULL; at++)
        if (at->d_tag == DT_NEEDED && strings != NULL &&
            strcmp(thrumi_object_name(strings + at->d_un.d_val), name) == 0)
            return true;
    return false;
}

static const struct link_map *object_self_map(void)
{
    Dl_info info;
    struct link_map *map = NULL;

    if (dladdr1((const void *)(uintptr_t)&thrumi_object_at_start, &info,
                (void **)&map, RTLD_DL_LINKMAP) == 0)
        return NULL;
    return map;
}

/* From us up to whoever needs what needs us, until that is the program. Every
 * round marks those that need one that is marked. */
static bool object_reached(const struct link_map *first,
                           const struct link_map *self)
{
    const struct link_map *marked[OBJECT_MOST] = {self};
    unsigned count = 1;

    for (unsigned i = 0; i < count; i++) {
        const char *name = object_name(marked[i]);

        for (const struct link_map *map = first; map != NULL;
             map = map->l_next) {
            bool known = false;

            for (unsigned k = 0; k < count; k++)
                known = known || marked[k] == map;
            if (known || !object_needs(map, name))
                continue;
            if (map == first)
                return true;
            if (count < OBJECT_MOST)
                marked[count++] = map;
        }
    }
    return false;
}

bool thrumi_object_at_start(void)
{
    const struct link_map *self = object_self_map();
    const struct link_map *first = self;

    if (self == NULL)
        return false;
    while (first->l_prev != NULL)
        first = first->l_prev;
    return first != self && object_reached(first, self);
}
