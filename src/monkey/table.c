/* SPDX-License-Identifier: MIT */
/*
 * monkey/table.c - names, hooks and originals.
 *
 * An original is what the loader would put into a slot: libc's function, or that
 * of a sanitizer or a preloaded library which comes before it. The loader may
 * give the address of a stub in the program instead, where a program that is not
 * position independent takes a function's address; that calls by the program's
 * own slot, which will hold the hook, so the next definition is taken.
 */
#include "monkey/table.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#include "monkey/hooks.h"

#define TABLE_BUCKETS 1024u /* a power of 2, a few times the rows */

#if defined(__x86_64__)
# define TABLE_FIRST_VERSION "GLIBC_2.2.5"
#else
# define TABLE_FIRST_VERSION "GLIBC_2.17"
#endif

struct thrumi_originals thrumi_original;

struct thrumi_monkey_row thrumi_monkey_rows[] = {
#define HOOK(families, name)                                             \
 {#name, THRUM_MONKEY_##families, (uintptr_t)(void *)thrumi_hook_##name, \
  (uintptr_t *)(void *)&thrumi_original.name, 0},
#define ALIAS(families, name, hooked)                                      \
 {#name, THRUM_MONKEY_##families, (uintptr_t)(void *)thrumi_hook_##hooked, \
  NULL, 0},
#include "monkey/list.h"
#undef HOOK
#undef ALIAS
};

const size_t thrumi_monkey_row_count =
    sizeof(thrumi_monkey_rows) / sizeof(thrumi_monkey_rows[0]);

/* Row + 1 by the hash of its name, or 0; filled in once, any number of times. */
static uint16_t table_buckets[TABLE_BUCKETS];

static unsigned table_hash(const char *name)
{
    unsigned hash = 5381;

    for (; *name != '\0'; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* The bucket where a name is, or would be. */
static uint16_t *table_bucket(const char *name)
{
    unsigned at = table_hash(name) % TABLE_BUCKETS;

    for (;; at = (at + 1) % TABLE_BUCKETS) {
        unsigned row = __atomic_load_n(&table_buckets[at], __ATOMIC_RELAXED);

        if (row == 0 || strcmp(thrumi_monkey_rows[row - 1].name, name) == 0)
            return &table_buckets[at];
    }
}

const struct thrumi_monkey_row *thrumi_monkey_find(const char *name)
{
    unsigned row = __atomic_load_n(table_bucket(name), __ATOMIC_RELAXED);

    return row == 0 ? NULL : &thrumi_monkey_rows[row - 1];
}

/* Is that a stub of the program's for something that it imports? */
static bool table_is_stub(void *function)
{
    void *symbol = NULL;
    Dl_info info;

    return dladdr1(function, &info, &symbol, RTLD_DL_SYMENT) != 0 &&
           symbol != NULL && ((const ElfW(Sym) *)symbol)->st_shndx == SHN_UNDEF;
}

/* Some names are left only for programs that were linked long ago: with the
 * version that libc had first on this processor. */
static void *table_original(const char *name)
{
    void *function = dlsym(RTLD_DEFAULT, name);

    if (function == NULL)
        function = dlvsym(RTLD_DEFAULT, name, TABLE_FIRST_VERSION);
    if (function != NULL && table_is_stub(function))
        function = dlsym(RTLD_NEXT, name);
    return function;
}

/* Each store is of the value that is there, or that any other would store. Hooks
 * in other threads read what was stored before any slot led to them, which
 * ThreadSanitizer cannot see, for it is the processor's jumps that read the slots:
 * so the store is a plain one, which it can be told to pass over. */
__attribute__((no_sanitize("thread"))) static void table_set(uintptr_t *at,
                                                             uintptr_t value)
{
    *(volatile uintptr_t *)at = value;
}

void thrumi_monkey_resolve(void)
{
    for (size_t i = 0; i < thrumi_monkey_row_count; i++) {
        struct thrumi_monkey_row *row = &thrumi_monkey_rows[i];
        uintptr_t function = (uintptr_t)table_original(row->name);

        table_set(&row->original, function);
        if (row->typed != NULL)
            table_set(row->typed, function);
        __atomic_store_n(table_bucket(row->name), (uint16_t)(i + 1),
                         __ATOMIC_RELAXED);
    }
}
