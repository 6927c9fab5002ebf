/* SPDX-License-Identifier: MIT */
/*
 * coro/greenlet_make.c - greenlets come to be: those made, and the main one.
 *
 * A thread's main greenlet is its own stack, made when somebody asks for it.
 */
#include <errno.h>

#include "coro/greenlet.h"
#include "sys/fork.h"
#include "task/record.h"

/* ---- the main greenlet ---- */

/* Of a greenlet that is made running: it has a strand already. */
static void greenlet_is_running(struct thrumi_loom *loom,
                                struct thrum_greenlet *greenlet)
{
    struct thrumi_handle *handle = &greenlet->handle;

    atomic_store_explicit(&handle->state, THRUM_GENERATOR_RUNNING,
                          memory_order_relaxed);
    atomic_store_explicit(&handle->owner, loom->id, memory_order_relaxed);
    greenlet->parent = NULL;
    greenlet->at = handle->strand;
}

static struct thrum_greenlet *greenlet_new_main(struct thrumi_loom *loom)
{
    struct thrum_greenlet *greenlet = thrumi_record_alloc();

    if (greenlet == NULL)
        return NULL;
    thrumi_handle_init(&greenlet->handle, &loom->thread,
                       THRUMI_STRAND_GREENLET);
    greenlet_is_running(loom, greenlet);
    loom->main = greenlet;
    loom->current = greenlet;
    return greenlet;
}

/* In a forked child the greenlet that called fork() goes on, and is the only
 * one: when its function returns, so does the process. */
static void greenlet_after_fork(struct thrumi_loom *loom)
{
    loom->generation = thrumi_fork_generation();
    loom->current->handle.generation = loom->generation;
    loom->current->parent = NULL;
}

struct thrum_greenlet *thrumi_greenlet_current(struct thrumi_loom *loom)
{
    if (thrumi_unlikely(loom->current == NULL))
        return greenlet_new_main(loom);
    if (thrumi_unlikely(loom->generation != thrumi_fork_generation()))
        greenlet_after_fork(loom);
    return loom->current;
}

void thrumi_greenlet_leave_current(struct thrumi_loom *loom)
{
    struct thrum_greenlet *here = loom->current;
    struct thrum_greenlet *main = loom->main;

    if (here == main)
        return;
    here->at = here->handle.strand; /* not a generator's that it pulled */
    thrumi_handle_set_ready(&here->handle, loom);
    loom->current = main;
    main->at = &loom->thread;
    thrumi_handle_set_ready(&main->handle, THRUMI_NOT_READY);
}

void thrumi_greenlet_thread_ends(struct thrumi_loom *loom)
{
    struct thrum_greenlet *main = loom->main;

    if (main == NULL)
        return;
    main->handle.strand = NULL;
    thrumi_handle_set_state(&main->handle, THRUM_GENERATOR_CLOSED);
    loom->main = NULL;
    loom->current = NULL;
    thrumi_handle_unref(&main->handle);
}

/* ---- those of a hub ---- */

void thrumi_greenlet_dress(struct thrumi_loom *loom,
                           struct thrumi_strand *strand,
                           struct thrum_greenlet *greenlet)
{
    thrumi_handle_init(&greenlet->handle, strand, THRUMI_STRAND_GREENLET);
    greenlet_is_running(loom, greenlet);
    greenlet->handle.spawned = true;
    /* release: pairs with the acquires of those who walk over strands */
    atomic_store_explicit(&strand->kind, THRUMI_STRAND_GREENLET,
                          memory_order_release);
}

void thrumi_greenlet_undress(struct thrumi_loom *loom,
                             struct thrum_greenlet *greenlet, unsigned phase)
{
    thrumi_strand_hide(greenlet->handle.strand, loom);
    greenlet->handle.strand->handle = NULL;
    greenlet->handle.phase = (uint8_t)phase;
    greenlet->handle.strand = NULL;
    thrumi_handle_set_state(&greenlet->handle, THRUM_GENERATOR_CLOSED);
    thrumi_handle_unref(&greenlet->handle);
}

/* ---- making ---- */

int thrum_greenlet_new(thrum_fn *fn, thrum_greenlet *parent,
                       const thrum_stack_options *options, thrum_greenlet **ret)
{
    const struct thrumi_strand_plan plan = {fn, NULL, 0, options,
                                            THRUMI_STRAND_GREENLET};
    struct thrumi_loom *loom = thrumi_loom_get();
    struct thrum_greenlet *current;
    struct thrum_greenlet *greenlet;
    struct thrumi_handle *handle = NULL;
    int rc;

    current = loom == NULL ? NULL : thrumi_greenlet_current(loom);
    if (current == NULL)
        return -ENOMEM;
    if (thrumi_unlikely(thrumi_loom_attention(loom)))
        thrumi_loom_collect(loom);
    if (parent == NULL)
        parent = current;
    if (parent->handle.generation != loom->generation)
        return -ECHILD;
    rc = thrumi_handle_new(&plan, &handle);
    if (rc != 0)
        return rc;
    handle->strand->run = thrumi_greenlet_run;
    handle->value = current->handle.value; /* the context (L28) */
    atomic_store_explicit(&handle->owner, thrumi_handle_owner(&parent->handle),
                          memory_order_relaxed);
    greenlet = (struct thrum_greenlet *)handle;
    greenlet->parent = NULL;
    greenlet->at = handle->strand;
    thrumi_greenlet_set_parent(greenlet, parent);
    *ret = greenlet;
    return 0;
}

void thrumi_greenlet_fini(struct thrum_greenlet *greenlet)
{
    struct thrum_greenlet *parent = greenlet->parent;

    greenlet->parent = NULL;
    if (parent != NULL)
        thrumi_handle_unref(&parent->handle);
}

thrum_greenlet *thrum_greenlet_ref(thrum_greenlet *greenlet)
{
    thrumi_handle_ref(&greenlet->handle);
    return greenlet;
}

void thrum_greenlet_unref(thrum_greenlet *greenlet)
{
    if (greenlet != NULL)
        thrumi_handle_unref(&greenlet->handle);
}

thrum_greenlet *thrum_greenlet_current(void)
{
    struct thrumi_loom *loom = thrumi_loom_get();

    return loom == NULL ? NULL : thrumi_greenlet_current(loom);
}
