/* SPDX-License-Identifier: MIT */
/*
 * monkey/captured.c - pointers to originals that an object has kept.
 *
 * What asked for a function before it was patched, by dlsym() say, has the
 * original, and no slot tells of that. So the object's data are searched for
 * words that are such an address. They are copied by the kernel, since others
 * write them meanwhile.
 */
#include "monkey/captured.h"

#include <stdlib.h>

#include "monkey/patch.h"
#include "monkey/table.h"
#include "sys/look.h"

#define CAPTURED_WORDS 2048u /* copied at a time */

struct captured_search {
    void (*fn)(size_t row, void *arg);
    void *arg;
    uintptr_t low; /* of the originals */
    uintptr_t high;
    uintptr_t words[CAPTURED_WORDS];
};

static bool captured_is_patched(const struct thrumi_monkey_row *row)
{
    return row->original != 0 &&
           (row->families & thrumi_monkey_families()) != 0;
}

/* Most words lie nowhere near them. */
static void captured_set_range(struct captured_search *search)
{
    search->low = UINTPTR_MAX;
    search->high = 0;
    for (size_t i = 0; i < thrumi_monkey_row_count; i++) {
        const struct thrumi_monkey_row *row = &thrumi_monkey_rows[i];

        if (!captured_is_patched(row))
            continue;
        if (row->original < search->low)
            search->low = row->original;
        if (row->original > search->high)
            search->high = row->original;
    }
}

static void captured_look_at(const struct captured_search *search,
                             uintptr_t word)
{
    if (word < search->low || word > search->high)
        return;
    for (size_t i = 0; i < thrumi_monkey_row_count; i++) {
        if (thrumi_monkey_rows[i].original != word ||
            !captured_is_patched(&thrumi_monkey_rows[i]))
            continue;
        search->fn(i, search->arg);
        return; /* the others are its aliases */
    }
}

static void captured_search(struct captured_search *search, uintptr_t from,
                            uintptr_t to)
{
    while (from < to) {
        size_t size = sizeof(search->words);
        size_t count;

        if (to - from < size)
            size = to - from;
        count = thrumi_look_copy(from, search->words, size) / sizeof(uintptr_t);
        for (size_t i = 0; i < count; i++)
            captured_look_at(search, search->words[i]);
        from += size;
    }
}

void thrumi_captured_each(const struct thrumi_object_seen *object,
                          void (*fn)(size_t row, void *arg), void *arg)
{
    const struct dl_phdr_info *info = object->info;
    struct captured_search *search = malloc(sizeof(*search));

    if (search == NULL)
        return;
    search->fn = fn;
    search->arg = arg;
    captured_set_range(search);
    for (size_t i = 0; i < info->dlpi_phnum && search->high != 0; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) != 0)
            captured_search(search, (begin + 7) / 8 * 8,
                            (begin + segment->p_memsz) / 8 * 8);
    }
    free(search);
}
