/* SPDX-License-Identifier: MIT */
/*
 * sys/stack.c - memory for stacks: guarded, by the million, reused.
 *
 * A slot's guard is made when the slot is first used, and stays. Using a free
 * slot again takes no system call. Pages that a stack has touched stay with
 * it, so every second or so a sweep looks which free slots nobody needed since
 * the last one (those that always lay at the bottom of their slab's pile) and
 * gives their memory back. A slab with no live slot is unmapped, but for one.
 *
 * Memory: 64 KiB of stack and 48 KiB of guard are a stride of 112 KiB, or 224
 * bytes of page table; the record and the first frames are one page. Slabs get
 * no huge pages: one touched page would become 2 MiB.
 *
 * Locking: stack_state.lock, a leaf, guards slabs and their free slots.
 */
#include "sys/stack.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <thrum/error.h>

#include "base/alloc.h"
#include "base/log.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/guard.h"
#include "sys/mutex.h"
#include "sys/tools.h"

#ifdef THRUMI_ASAN
# include <sanitizer/lsan_interface.h>
#endif

#define STACK_SLAB     ((size_t)128 * 1024 * 1024) /* bytes at most */
#define STACK_FEW      16u   /* slots of the first slab of a size */
#define STACK_MANY     1024u /* and at most */
#define STACK_SWEEP_NS 1000000000

_Atomic(struct thrumi_stack_slab *) thrumi_stack_slabs[THRUMI_STACK_SLABS];
atomic_uint thrumi_stack_slab_count;

typedef void stack_unmap_fn(void);

static struct {
    struct thrumi_global_mutex lock;
    /* guarded by lock: */
    struct thrumi_stack_slab *open[THRUMI_STACK_CLASSES]; /* with free slots */
    unsigned slabs[THRUMI_STACK_CLASSES];
    int64_t next_sweep;
} stack_state;

/* ---- slabs; the lock is held ---- */

/* A forked child that finds it half changed goes on with that: each step is one
 * store, in an order in which a slot or a slab can be lost, never used twice. */
void thrumi_stack_lock(void)
{
    thrumi_global_mutex_lock(&stack_state.lock);
}

void thrumi_stack_unlock(void)
{
    thrumi_global_mutex_unlock(&stack_state.lock);
}

static unsigned slab_size(unsigned class_index, size_t stride)
{
    unsigned most = (unsigned)(STACK_SLAB / stride);
    unsigned shift = stack_state.slabs[class_index];
    unsigned count = shift < 6 ? STACK_FEW << shift : STACK_MANY;

    if (most == 0)
        return 1;
    return count < most ? count : most;
}

static char *slab_map(size_t bytes)
{
    char *base;

    if (thrumi_fault("mmap"))
        return NULL;
    base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    madvise(base, bytes, MADV_NOHUGEPAGE);
#ifdef THRUMI_ASAN
    __lsan_register_root_region(base, bytes);
#endif
    return base;
}

static _Atomic(stack_unmap_fn *) stack_unmaps;

void thrumi_stack_before_unmap(void (*fn)(void))
{
    atomic_store_explicit(&stack_unmaps, fn, memory_order_relaxed);
}

static void slab_unmap(struct thrumi_stack_slab *slab)
{
    stack_unmap_fn *before =
        atomic_load_explicit(&stack_unmaps, memory_order_relaxed);
    size_t bytes = slab->count * slab->stride;

    if (before != NULL)
        before();
    thrumi_unpoison(slab->base, bytes);
#ifdef THRUMI_ASAN
    __lsan_unregister_root_region(slab->base, bytes);
#endif
    munmap(slab->base, bytes);
    stack_state.slabs[slab->class_index]--;
    thrumi_free(slab);
}

/* Finds the slab a place in the table; false when there is none. */
static bool slab_publish(struct thrumi_stack_slab *slab)
{
    unsigned used =
        atomic_load_explicit(&thrumi_stack_slab_count, memory_order_relaxed);
    unsigned i = 0;

    while (i < used && atomic_load_explicit(&thrumi_stack_slabs[i],
                                            memory_order_relaxed) != NULL)
        i++;
    if (i == THRUMI_STACK_SLABS)
        return false;
    slab->index = i;
    /* release: pairs with the acquires of those who walk */
    atomic_store_explicit(&thrumi_stack_slabs[i], slab, memory_order_release);
    if (i == used)
        atomic_store_explicit(&thrumi_stack_slab_count, used + 1,
                              memory_order_release);
    return true;
}

static struct thrumi_stack_slab *slab_alloc(unsigned class_index)
{
    size_t guard = thrumi_stack_guard();
    size_t stride = guard + thrumi_stack_class_size(class_index);
    unsigned count = slab_size(class_index, stride);
    struct thrumi_stack_slab *slab =
        thrumi_alloc_zero(sizeof(*slab) + count * (sizeof(uint32_t) + 1));

    if (slab == NULL)
        return NULL;
    slab->stride = stride;
    slab->guard = guard;
    slab->class_index = class_index;
    slab->count = count;
    slab->guarded = (uint8_t *)(slab->free + count);
    return slab;
}

static struct thrumi_stack_slab *slab_new(unsigned class_index)
{
    struct thrumi_stack_slab *slab = slab_alloc(class_index);

    if (slab == NULL)
        return NULL;
    slab->base = slab_map(slab->count * slab->stride);
    if (slab->base == NULL) {
        thrumi_log(THRUM_LOG_ERROR, "no memory for %u stacks of %zu KiB",
                   slab->count, thrumi_stack_class_size(class_index) / 1024);
        thrumi_free(slab);
        return NULL;
    }
    stack_state.slabs[class_index]++;
    if (!slab_publish(slab)) {
        slab_unmap(slab);
        return NULL;
    }
    return slab;
}

/* An open slab of this size, an old one or a new one. */
static struct thrumi_stack_slab *slab_open(unsigned class_index)
{
    struct thrumi_stack_slab *slab = stack_state.open[class_index];

    if (slab != NULL)
        return slab;
    slab = slab_new(class_index);
    if (slab == NULL)
        return NULL;
    slab->listed = true;
    stack_state.open[class_index] = slab;
    return slab;
}

static void slab_take_off(struct thrumi_stack_slab *slab)
{
    struct thrumi_stack_slab **at = &stack_state.open[slab->class_index];

    while (*at != NULL && *at != slab)
        at = &(*at)->next;
    if (*at != NULL) /* in a child it may have been lost */
        *at = slab->next;
    slab->listed = false;
}

static uint32_t slab_take(struct thrumi_stack_slab *slab)
{
    uint32_t slot;

    if (slab->free_count > 0) {
        slot = slab->free[--slab->free_count];
        if (slab->clean > slab->free_count)
            slab->clean = slab->free_count;
        if (slab->low > slab->free_count)
            slab->low = slab->free_count;
    } else {
        slot = slab->fresh++;
    }
    slab->live++;
    if (slab->free_count == 0 && slab->fresh == slab->count)
        slab_take_off(slab);
    return slot;
}

/* Unmaps an empty slab, unless it is the only one that has room. */
static void slab_drop_if_empty(struct thrumi_stack_slab *slab)
{
    if (slab->live > 0 || stack_state.slabs[slab->class_index] == 1)
        return;
    if (stack_state.open[slab->class_index] == slab && slab->next == NULL)
        return;
    slab_take_off(slab);
    atomic_store_explicit(&thrumi_stack_slabs[slab->index], NULL,
                          memory_order_release);
    slab_unmap(slab);
}

static void slab_give(struct thrumi_stack_slab *slab, uint32_t slot)
{
    slab->free[slab->free_count++] = slot;
    slab->live--;
    if (!slab->listed) {
        slab->listed = true;
        slab->next = stack_state.open[slab->class_index];
        stack_state.open[slab->class_index] = slab;
    }
    slab_drop_if_empty(slab);
}

/* ---- giving memory back ---- */

static void stack_drop(struct thrumi_stack_slab *slab, uint32_t slot)
{
    madvise(thrumi_stack_slot(slab, slot) + slab->guard,
            slab->stride - slab->guard, MADV_DONTNEED);
}

/* Of the free slots, those that nobody needed since the last sweep; all of
 * them if asked. The lock is held. */
static void slab_sweep(struct thrumi_stack_slab *slab, bool all)
{
    unsigned upto = all ? slab->free_count : slab->low;

    while (slab->clean < upto)
        stack_drop(slab, slab->free[slab->clean++]);
    slab->low = slab->free_count;
}

static void stack_sweep(bool all)
{
    unsigned used =
        atomic_load_explicit(&thrumi_stack_slab_count, memory_order_relaxed);

    for (unsigned i = 0; i < used; i++) {
        struct thrumi_stack_slab *slab =
            atomic_load_explicit(&thrumi_stack_slabs[i], memory_order_relaxed);

        if (slab != NULL)
            slab_sweep(slab, all);
    }
}

/* Tests say themselves when it is time. */
static void stack_sweep_now_and_then(void)
{
    int64_t now = thrumi_clock_ns();

    if (now < stack_state.next_sweep && !thrumi_fault("sweep"))
        return;
    if (stack_state.next_sweep != 0)
        stack_sweep(false);
    stack_state.next_sweep = now + STACK_SWEEP_NS;
}

void thrumi_stack_renew(const struct thrumi_stack *stack)
{
    stack_drop(stack->slab, stack->slot);
}

/* ---- getting and putting ---- */

static int stack_guard_slot(struct thrumi_stack *stack)
{
    struct thrumi_stack_slab *slab = stack->slab;
    int rc =
        thrumi_guard_install(thrumi_stack_slot(slab, stack->slot), slab->guard);

    if (rc == 0)
        slab->guarded[stack->slot] = 1;
    else
        thrumi_log(THRUM_LOG_ERROR,
                   "no guard for a stack: %s; each takes two mappings, and "
                   "vm.max_map_count says how many there may be",
                   thrum_strerror(rc));
    return rc;
}

/* From the slabs. */
static int stack_get_cold(unsigned class_index, bool unguarded,
                          struct thrumi_stack *ret)
{
    struct thrumi_stack_slab *slab;
    int rc = 0;

    thrumi_stack_lock();
    slab = slab_open(class_index);
    if (slab == NULL) {
        thrumi_stack_unlock();
        return -ENOMEM;
    }
    ret->slab = slab;
    ret->slot = slab_take(slab);
    if (!slab->guarded[ret->slot])
        rc = stack_guard_slot(ret);
    ret->guarded = rc == 0;
    if (rc != 0 && !unguarded)
        slab_give(slab, ret->slot);
    thrumi_stack_unlock();
    return rc == 0 || unguarded ? 0 : THRUM_ESTACK;
}

int thrumi_stack_get(struct thrumi_stack_cache *cache, size_t size,
                     bool unguarded, struct thrumi_stack *ret)
{
    unsigned class_index = thrumi_stack_class_of(size);
    unsigned count;

    if (class_index == THRUMI_STACK_CLASSES || size < thrumi_stack_least())
        return -EINVAL;
    count = cache->classes[class_index].count;
    if (thrumi_unlikely(count == 0))
        return stack_get_cold(class_index, unguarded, ret);
    cache->classes[class_index].count = count - 1;
    *ret = cache->classes[class_index].kept[count - 1];
    return 0;
}

/* Gives the oldest `n` that are kept of a class to the slabs. */
static void stack_flush_class(struct thrumi_stack_cache *cache,
                              unsigned class_index, unsigned n)
{
    struct thrumi_stack *kept = cache->classes[class_index].kept;
    unsigned left = cache->classes[class_index].count - n;

    for (unsigned i = 0; i < n; i++)
        slab_give(kept[i].slab, kept[i].slot);
    memmove(kept, kept + n, left * sizeof(*kept));
    cache->classes[class_index].count = left;
}

/* One without a guard is not kept: the next user may insist on one. */
static bool stack_is_kept(const struct thrumi_stack *stack)
{
    return stack->guarded &&
           stack->slab->stride - stack->slab->guard <= (size_t)1024 * 1024;
}

void thrumi_stack_put(struct thrumi_stack_cache *cache,
                      const struct thrumi_stack *stack)
{
    unsigned class_index = stack->slab->class_index;
    unsigned count = cache == NULL ? 0 : cache->classes[class_index].count;

    if (thrumi_likely(cache != NULL && count < THRUMI_STACK_KEPT &&
                      stack_is_kept(stack))) {
        cache->classes[class_index].kept[count] = *stack;
        cache->classes[class_index].count = count + 1;
        return;
    }
    thrumi_stack_lock();
    if (count == THRUMI_STACK_KEPT)
        stack_flush_class(cache, class_index, THRUMI_STACK_KEPT / 2);
    slab_give(stack->slab, stack->slot);
    stack_sweep_now_and_then();
    thrumi_stack_unlock();
}

void thrumi_stack_flush(struct thrumi_stack_cache *cache)
{
    thrumi_stack_lock();
    for (unsigned i = 0; i < THRUMI_STACK_CLASSES; i++)
        stack_flush_class(cache, i, cache->classes[i].count);
    thrumi_stack_unlock();
}

void thrumi_stack_trim(struct thrumi_stack_cache *cache)
{
    if (cache != NULL)
        thrumi_stack_flush(cache);
    thrumi_stack_lock();
    stack_sweep(true);
    thrumi_stack_unlock();
}

/* ---- looking ---- */

static THRUMI_TOOLS_BLIND const char *stack_skip_zeros(const char *at,
                                                       const char *top)
{
    thrumi_tools_look_away();
    while (at < top && *at == 0)
        at++;
    thrumi_tools_look_again();
    return at;
}

/* The lowest page that is in memory; zero bytes below the deepest frame do not
 * count. */
size_t thrumi_stack_used(const struct thrumi_stack *stack)
{
    char *low = thrumi_stack_low(stack);
    char *top = thrumi_stack_top(stack);
    size_t page = thrumi_stack_page();
    unsigned char there = 0;
    const char *at = low;

    while (at < top && (mincore((void *)(uintptr_t)at, page, &there) != 0 ||
                        (there & 1) == 0))
        at += page;
    at = stack_skip_zeros(at, top);
    return at < top ? (size_t)(top - at) : 0;
}

bool thrumi_stack_find(const void *address, struct thrumi_stack *ret)
{
    unsigned used =
        atomic_load_explicit(&thrumi_stack_slab_count, memory_order_acquire);
    const char *at = address;

    for (unsigned i = 0; i < used; i++) {
        struct thrumi_stack_slab *slab =
            atomic_load_explicit(&thrumi_stack_slabs[i], memory_order_acquire);

        if (slab == NULL || at < slab->base ||
            at >= slab->base + slab->count * slab->stride)
            continue;
        ret->slab = slab;
        ret->slot = (uint32_t)((size_t)(at - slab->base) / slab->stride);
        ret->guarded = slab->guarded[ret->slot] != 0;
        return true;
    }
    return false;
}
