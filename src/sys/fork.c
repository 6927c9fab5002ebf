/* SPDX-License-Identifier: MIT */
/*
 * sys/fork.c - noticing that this is a forked child.
 *
 *     fork_state.generation   ordinary memory: copied to the child
 *     *thrumi_fork_page       wiped in the child: reads 0 there
 *
 * A page that reads 0 means that the generation is the parent's; whoever sees
 * it first counts up and writes the new one. Where the page cannot be had
 * (a kernel before 4.14, no memory, an emulator) pthread_atfork does the same
 * for fork().
 */
#include "sys/fork.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/container.h"
#include "sys/fault.h"

#define FORK_NO_ADVICE 0x7fff /* which no kernel knows */

_Atomic(atomic_uint *) thrumi_fork_page;

static struct {
    atomic_uint generation;
    atomic_uint fallback; /* stands in where there is no such page */
} fork_state;

static void fork_in_child(void)
{
    atomic_store_explicit(&fork_state.fallback, 0, memory_order_relaxed);
}

/* Who takes any advice follows none: qemu-user says yes to all of them, and the
 * page is as it was in the child. */
static bool fork_will_wipe(void *page, size_t size)
{
    int before = errno;
    bool ret = !thrumi_fault("madvise") &&
               madvise(page, size, MADV_WIPEONFORK) == 0 &&
               madvise(page, size, FORK_NO_ADVICE) != 0;

    errno = before;
    return ret;
}

static atomic_uint *fork_map_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page;

    if (thrumi_fault("mmap"))
        return NULL;
    page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (fork_will_wipe(page, size))
        return page;
    munmap(page, size);
    return NULL;
}

/* Two threads may both get here first; the page of the second is let go. */
static atomic_uint *fork_first_use(void)
{
    atomic_uint *page = fork_map_page();
    atomic_uint *expected = NULL;

    if (page == NULL) {
        pthread_atfork(NULL, NULL, fork_in_child);
        page = &fork_state.fallback;
    }
    if (atomic_compare_exchange_strong_explicit(&thrumi_fork_page, &expected,
                                                page, memory_order_acq_rel,
                                                memory_order_acquire))
        return page;
    if (page != &fork_state.fallback)
        munmap((void *)(uintptr_t)page, (size_t)sysconf(_SC_PAGESIZE));
    return expected;
}

/* The page reads 0: it was just made, or this is a child. */
static unsigned fork_next_generation(atomic_uint *page)
{
    unsigned old =
        atomic_load_explicit(&fork_state.generation, memory_order_relaxed);
    unsigned seen = 0;

    /* the page decides who counts; the others take what it wrote */
    if (atomic_compare_exchange_strong_explicit(
            page, &seen, old + 1, memory_order_acq_rel, memory_order_acquire)) {
        atomic_store_explicit(&fork_state.generation, old + 1,
                              memory_order_relaxed);
        return old + 1;
    }
    return seen;
}

uint16_t thrumi_fork_generation_slow(void)
{
    atomic_uint *page =
        atomic_load_explicit(&thrumi_fork_page, memory_order_acquire);
    unsigned generation;

    if (thrumi_unlikely(page == NULL))
        page = fork_first_use();
    generation = atomic_load_explicit(page, memory_order_relaxed);
    if (thrumi_unlikely(generation == 0))
        generation = fork_next_generation(page);
    return (uint16_t)generation;
}

void thrumi_fork_exit(void)
{
    exit(EXIT_SUCCESS);
}
