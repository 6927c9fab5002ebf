/* SPDX-License-Identifier: MIT */
/*
 * test/unit/stacks.h - stacks got and put, and what the system knows of them.
 */
#ifndef TEST_STACKS_H
#define TEST_STACKS_H

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <thrum.h>

#include "sys/fault.h"
#include "sys/stack.h"
#include "thrum_test.h"

#ifdef THRUMI_VALGRIND
# include <valgrind/valgrind.h>
# define TEST_VALGRIND (RUNNING_ON_VALGRIND != 0)
#else
# define TEST_VALGRIND false
#endif

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)

/* A stack that must be had; on the test's own stack. */
static inline struct thrumi_stack stack_of(struct thrumi_stack_cache *cache,
                                           size_t size)
{
    struct thrumi_stack stack;

    assert_int_equal(thrumi_stack_get(cache, size, false, &stack), 0);
    assert_true(stack.guarded);
    return stack;
}

static inline bool same_stack(const struct thrumi_stack *a,
                              const struct thrumi_stack *b)
{
    return a->slab == b->slab && a->slot == b->slot;
}

/* Slabs there are of the class for such stacks. */
static inline unsigned slabs_of(size_t size)
{
    unsigned class_index = thrumi_stack_class_of(size);
    unsigned used = atomic_load(&thrumi_stack_slab_count);
    unsigned count = 0;

    for (unsigned i = 0; i < used; i++) {
        struct thrumi_stack_slab *slab = atomic_load(&thrumi_stack_slabs[i]);

        if (slab != NULL && slab->class_index == class_index)
            count++;
    }
    return count;
}

/* Stacks that are with users or kept by threads, of the class. */
static inline unsigned live_of(size_t size)
{
    unsigned class_index = thrumi_stack_class_of(size);
    unsigned used = atomic_load(&thrumi_stack_slab_count);
    unsigned count = 0;

    thrumi_stack_lock();
    for (unsigned i = 0; i < used; i++) {
        struct thrumi_stack_slab *slab = atomic_load(&thrumi_stack_slabs[i]);

        if (slab != NULL && slab->class_index == class_index)
            count += slab->live;
    }
    thrumi_stack_unlock();
    return count;
}

/* ---- dying of it ---- */

static inline int write_there(void *address)
{
    signal(SIGSEGV, SIG_DFL); /* a sanitizer would catch it */
    *(volatile char *)address = 1;
    return 0;
}

/* Does a write to this address end the process by SIGSEGV? */
static inline bool traps(const void *address)
{
    return in_child(write_there, (void *)(uintptr_t)address) == 128 + SIGSEGV;
}

/* ---- the system's view ---- */

/* Is this page in memory? */
static inline bool resident(const char *page)
{
    unsigned char there = 0;

    return mincore((void *)(uintptr_t)page, thrumi_stack_page(), &there) == 0 &&
           (there & 1) != 0;
}

/* How many lines /proc/self/maps has; `ret_forbidden`, if not NULL: is the page
 * at `address` in a mapping without any access? */
static inline unsigned mappings(const void *address, bool *ret_forbidden)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    unsigned count = 0;

    CHECK(maps != NULL);
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        uintptr_t low;
        uintptr_t high;
        char access[5] = "";

        count++;
        if (ret_forbidden != NULL &&
            sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &low, &high,
                   access) == 3 &&
            (uintptr_t)address >= low && (uintptr_t)address < high)
            *ret_forbidden = strncmp(access, "---", 3) == 0;
    }
    if (maps != NULL)
        fclose(maps);
    return count;
}

/* ---- calls that fail ---- */

/* Fails the calls whose names are in a text, each between blanks. */
static inline bool fail_named(const char *call, void *names)
{
    char name[64];

    snprintf(name, sizeof(name), " %s ", call);
    return strstr(names, name) != NULL;
}

static inline void fail_calls(const char *names)
{
    thrumi_fault_set(names == NULL ? NULL : fail_named,
                     (void *)(uintptr_t)names);
}

#endif /* TEST_STACKS_H */
