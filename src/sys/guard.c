/* SPDX-License-Identifier: MIT */
/*
 * sys/guard.c - memory that cannot be touched, cheaply where that is to be had.
 *
 * Since Linux 6.13 MADV_GUARD_INSTALL marks pages as guards in the page table:
 * no mapping is split, so a million of them cost nothing but their entries,
 * and the lock of the address space is taken for reading only. Elsewhere
 * mprotect() does it, at two mappings a guard, of which a process may have
 * vm.max_map_count (65,530 by default).
 *
 * Whether the kernel does it is tried once, and believed only when touching
 * the guard fails: qemu-user accepts the advice and does nothing. Under
 * AddressSanitizer mprotect() is taken always: its leak checker reads whole
 * stacks, and skips what is not readable, but does not know of such guards.
 */
#include "sys/guard.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/container.h"
#include "sys/fault.h"
#include "sys/tools.h"

#ifndef MADV_POPULATE_WRITE
# define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_GUARD_INSTALL
# define MADV_GUARD_INSTALL 102
#endif

enum {
    GUARD_UNKNOWN = 0,
    GUARD_LIGHT = 1,
    GUARD_MPROTECT = 2,
};

/* relaxed throughout: whoever finds it unknown finds out the same */
static atomic_int guard_way;

static bool guard_works(void *page, size_t size)
{
    return !thrumi_fault("guard_install") &&
           madvise(page, size, MADV_GUARD_INSTALL) == 0 &&
           madvise(page, size, MADV_POPULATE_WRITE) == -1 && errno == EFAULT;
}

static int guard_find_way(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    int way = GUARD_MPROTECT;
    void *page;

#ifndef THRUMI_ASAN
    page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
    if (page != MAP_FAILED) {
        if (guard_works(page, size))
            way = GUARD_LIGHT;
        munmap(page, size);
    }
#else
    (void)size;
    (void)page;
    (void)guard_works;
#endif
    atomic_store_explicit(&guard_way, way, memory_order_relaxed);
    return way;
}

static int guard_get_way(void)
{
    int way = atomic_load_explicit(&guard_way, memory_order_relaxed);

    return thrumi_likely(way != GUARD_UNKNOWN) ? way : guard_find_way();
}

bool thrumi_guard_is_light(void)
{
    return guard_get_way() == GUARD_LIGHT;
}

/* Memory that was locked refuses light guards: it gets the other kind. */
int thrumi_guard_install(void *low, size_t size)
{
    if (guard_get_way() == GUARD_LIGHT && !thrumi_fault("guard_install") &&
        madvise(low, size, MADV_GUARD_INSTALL) == 0)
        return 0;
    if (thrumi_fault("mprotect"))
        return -ENOMEM;
    return mprotect(low, size, PROT_NONE) == 0 ? 0 : -errno;
}
