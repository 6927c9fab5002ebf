/* SPDX-License-Identifier: MIT */
/*
 * coro/loom.c - a thread's strands: their beginning, and their end with it.
 *
 * Looms are on one list, so that a handle of another thread can be left to its
 * owner. A loom is known by a number that is never used again, so a handle that
 * outlives the thread finds nothing instead of something else.
 *
 * When a thread ends, what is suspended on its loom is cancelled and runs to
 * its end, a bounded number of times (L19, L24). What will not end is reported
 * and its stack is kept for ever, never freed under those who point into it.
 *
 * Locking: looms.lock guards the list, and keeps a loom there while a handle is
 * pushed on its pile.
 */
#include "coro/loom.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "coro/handle.h"
#include "sys/fork.h"
#include "sys/mutex.h"
#include "sys/overflow.h"
#include "task/waitgraph.h"

#define LOOM_KILLS 8   /* bodies ended at a thread's end, for each that lives */
#define LOOM_BATCH 256 /* strands that are looked for at a time */

static struct {
    struct thrumi_global_mutex lock;
    /* guarded by lock: */
    struct thrumi_link list; /* next NULL: not used yet */
    uint32_t last_id;
} looms;

/* ---- the list ---- */

void thrumi_looms_lock(void)
{
    thrumi_global_mutex_lock(&looms.lock);
    if (looms.list.next == NULL)
        thrumi_list_init(&looms.list);
}

void thrumi_looms_unlock(void)
{
    thrumi_global_mutex_unlock(&looms.lock);
}

void thrumi_looms_each(void (*fn)(struct thrumi_loom *loom))
{
    for (struct thrumi_link *link = looms.list.next; link != &looms.list;
         link = link->next)
        fn(thrumi_container_of(link, struct thrumi_loom, link));
}

static void loom_list(struct thrumi_loom *loom)
{
    thrumi_looms_lock();
    loom->id = ++looms.last_id;
    thrumi_list_append(&looms.list, &loom->link);
    thrumi_looms_unlock();
}

/* The lock is held. */
static struct thrumi_loom *loom_find(uint32_t id)
{
    for (struct thrumi_link *link = looms.list.next; link != &looms.list;
         link = link->next) {
        struct thrumi_loom *loom =
            thrumi_container_of(link, struct thrumi_loom, link);

        if (loom->id == id)
            return loom;
    }
    return NULL;
}

bool thrumi_loom_exists(uint32_t id)
{
    bool exists;

    thrumi_looms_lock();
    exists = loom_find(id) != NULL;
    thrumi_looms_unlock();
    return exists;
}

static void loom_push(struct thrumi_loom *loom, struct thrumi_handle *handle)
{
    struct thrumi_handle *first =
        atomic_load_explicit(&loom->dropped, memory_order_relaxed);

    do
        handle->value = first;
    /* release: pairs with the acquire in thrumi_loom_collect() */
    while (!atomic_compare_exchange_weak_explicit(&loom->dropped, &first,
                                                  handle, memory_order_release,
                                                  memory_order_relaxed));
    /* release: pairs with the acquire in thrumi_loom_collect(), so that who
       clears the mark takes what it stood for */
    atomic_fetch_or_explicit(&loom->attention, THRUMI_DROPPED,
                             memory_order_release);
}

bool thrumi_loom_drop(uint32_t id, struct thrumi_handle *handle)
{
    struct thrumi_loom *loom;

    thrumi_looms_lock();
    loom = loom_find(id);
    if (loom != NULL)
        loom_push(loom, handle);
    thrumi_looms_unlock();
    return loom != NULL;
}

void thrumi_loom_collect(struct thrumi_loom *loom)
{
    struct thrumi_handle *handle;

    /* Before the pile is taken: who pushes later sets it again.
       acquire: pairs with the release in loom_push() */
    atomic_fetch_and_explicit(&loom->attention, ~(unsigned)THRUMI_DROPPED,
                              memory_order_acquire);
    /* acquire: pairs with the release in loom_push() */
    handle =
        atomic_exchange_explicit(&loom->dropped, NULL, memory_order_acquire);
    while (handle != NULL) {
        struct thrumi_handle *next = handle->value;

        handle->value = NULL;
        thrumi_handle_unref(handle);
        handle = next;
    }
}

/* ---- walking ---- */

/* The lock of the stacks is held. False: fn has had enough. */
static bool strand_each_of(struct thrumi_stack_slab *slab,
                           bool (*fn)(struct thrumi_strand *, void *),
                           void *arg)
{
    for (uint32_t slot = 0; slot < slab->fresh; slot++) {
        struct thrumi_strand *strand = thrumi_strand_of_slot(slab, slot);

        /* acquire: pairs with the release in thrumi_handle_new() */
        if (atomic_load_explicit(&strand->kind, memory_order_acquire) !=
                THRUMI_STRAND_NONE &&
            !fn(strand, arg))
            return false;
    }
    return true;
}

void thrumi_strand_each(bool (*fn)(struct thrumi_strand *strand, void *arg),
                        void *arg)
{
    bool more = true;
    unsigned used;

    thrumi_stack_lock();
    used = atomic_load_explicit(&thrumi_stack_slab_count, memory_order_relaxed);
    for (unsigned i = 0; i < used && more; i++) {
        struct thrumi_stack_slab *slab =
            atomic_load_explicit(&thrumi_stack_slabs[i], memory_order_relaxed);

        if (slab != NULL)
            more = strand_each_of(slab, fn, arg);
    }
    thrumi_stack_unlock();
}

/* ---- the end ---- */

struct loom_search {
    struct thrumi_loom *loom;
    struct thrumi_handle *found[LOOM_BATCH]; /* each with a reference */
    unsigned count;
};

/* Finds those that are suspended and may be ended from here: not one that is
 * yielded from, which ends with the one outside of it. */
static bool loom_look(struct thrumi_strand *strand, void *arg)
{
    struct loom_search *search = arg;
    struct thrumi_handle *handle;

    if (__atomic_load_n(&strand->loom, __ATOMIC_RELAXED) != search->loom)
        return true;
    handle = strand->handle;
    if (thrumi_handle_is_inert(handle))
        return true;
    if (strand->stuck) {
        /* the place of the loom may be another's soon */
        thrumi_handle_set_ready(handle, THRUMI_NEVER_READY);
        return true;
    }
    if (handle->kind == THRUMI_STRAND_GENERATOR &&
        thrumi_handle_state(handle) != THRUM_GENERATOR_SUSPENDED)
        return true;
    thrumi_handle_ref(handle);
    search->found[search->count++] = handle;
    return search->count < LOOM_BATCH;
}

/* Unless it has ended meanwhile, with another. */
static void loom_end_one(struct thrumi_handle *handle, bool ask)
{
    if (handle->strand != NULL && (!ask || !thrumi_handle_kill(handle)))
        thrumi_handle_give_up(handle);
    thrumi_handle_unref(handle);
}

/* A body that is ended may begin others: they are ended too, but not for ever. */
static void loom_end_strands(struct thrumi_loom *loom)
{
    unsigned left = loom->live * LOOM_KILLS;

    while (loom->live > 0) {
        struct loom_search search = {.loom = loom, .count = 0};

        thrumi_strand_each(loom_look, &search);
        if (search.count == 0)
            return;
        for (unsigned i = 0; i < search.count; i++) {
            loom_end_one(search.found[i], left > 0);
            left -= left > 0;
        }
    }
}

/* The one that would have gone on when this one had stopped or ended: that
 * which yields from it, or pulls it. NULL of a greenlet. */
static struct thrumi_strand *loom_outside(const struct thrumi_strand *strand)
{
    const struct thrum_generator *generator =
        (const struct thrum_generator *)strand->handle;

    if (generator->handle.kind != THRUMI_STRAND_GENERATOR)
        return NULL;
    return generator->outer == NULL ? strand->back
                                    : generator->outer->handle.strand;
}

static void loom_abandon(struct thrumi_handle *handle)
{
    struct thrum_generator *generator = (struct thrum_generator *)handle;

    thrumi_handle_ref(handle);
    if (handle->spawned) {
        handle->strand->loom->hub_loses(handle->strand->loom, handle->strand);
        thrumi_handle_unref(handle); /* the hub's reference */
    }
    thrumi_handle_abandon(handle);
    if (handle->kind == THRUMI_STRAND_GENERATOR && generator->outer != NULL) {
        generator->outer = NULL;
        thrumi_handle_unref(handle); /* the yield-from's reference */
    }
    thrumi_handle_unref(handle);
}

/* Those that a thread left behind which ended on one of them (pthread_exit),
 * from there outwards: their stacks are not used any more. */
THRUMI_CTX_PLAIN static void loom_leave_current(struct thrumi_self *self)
{
    struct thrumi_loom *loom = self->loom;
    struct thrumi_strand *strand = self->strand;

    self->strand = &loom->thread;
    self->running = &self->thread;
    if (strand == &loom->thread)
        return;
    thrumi_ctx_tools_return(&loom->thread.tools);
    thrumi_greenlet_leave_current(loom);
    while (strand != NULL && strand != &loom->thread) {
        struct thrumi_strand *outside = loom_outside(strand);

        loom_abandon(strand->handle);
        strand = outside;
    }
}

static void loom_ends(struct thrumi_self *self)
{
    struct thrumi_loom *loom = self->loom;

    loom_leave_current(self);
    if (loom->hub_ends != NULL)
        loom->hub_ends(loom);
    thrumi_loom_collect(loom);
    loom_end_strands(loom);
    thrumi_greenlet_thread_ends(loom);
    thrumi_looms_lock();
    thrumi_list_remove(&loom->link);
    thrumi_looms_unlock();
    thrumi_loom_collect(loom); /* nobody can drop here any more */
    thrumi_stack_flush(&loom->stacks);
    thrumi_overflow_thread_ends();
    self->loom = NULL;
    self->strand = NULL;
    thrumi_free(loom);
}

/* ---- the beginning ---- */

static struct thrumi_loom *loom_new(struct thrumi_self *self)
{
    struct thrumi_loom *loom = thrumi_alloc_zero(sizeof(*loom));

    if (loom == NULL)
        return NULL;
    thrumi_context_running(); /* there is one */
    thrumi_ctx_tools_thread(&loom->thread.tools);
    atomic_init(&loom->thread.kind, THRUMI_STRAND_THREAD);
    loom->thread.loom = loom;
    loom->errno_at = &errno;
    loom->cxx_at = thrumi_cxx_globals();
    loom->float_control = thrumi_ctx_float_control();
    loom->generation = thrumi_fork_generation();
    loom_list(loom);
    thrumi_stack_before_unmap(thrumi_waitgraph_barrier);
    self->loom = loom;
    self->strand = &loom->thread;
    self->loom_ends = loom_ends;
    thrumi_self_notice_end(self);
    thrumi_overflow_thread_begins();
    return loom;
}

struct thrumi_loom *thrumi_loom_get(void)
{
    struct thrumi_self *self = thrumi_self();

    return thrumi_likely(self->loom != NULL) ? self->loom : loom_new(self);
}
