/* SPDX-License-Identifier: MIT */
/*
 * coro/greenlet_look.c - what a greenlet is: family, state, name, stack.
 */
#include <errno.h>

#include "coro/backtrace.h"
#include "coro/greenlet.h"

/* ---- family ---- */

thrum_greenlet *thrum_greenlet_parent(const thrum_greenlet *greenlet)
{
    if (greenlet->handle.spawned && greenlet->handle.strand != NULL)
        return greenlet->handle.strand->loom->main;
    return greenlet->parent;
}

static bool greenlet_is_main(const struct thrum_greenlet *greenlet)
{
    return greenlet->parent == NULL;
}

static bool greenlet_descends(const struct thrum_greenlet *greenlet,
                              const struct thrum_greenlet *from)
{
    while (greenlet != NULL && greenlet != from)
        greenlet = greenlet->parent;
    return greenlet == from;
}

int thrum_greenlet_set_parent(thrum_greenlet *greenlet, thrum_greenlet *parent)
{
    uint32_t owner;

    if (parent == NULL)
        return -EINVAL;
    if (greenlet_is_main(greenlet) || greenlet_descends(parent, greenlet))
        return THRUM_EBADSWITCH;
    owner = thrumi_handle_owner(&parent->handle);
    if (owner != thrumi_handle_owner(&greenlet->handle)) {
        if (thrum_greenlet_get_state(greenlet) != THRUM_GREENLET_NEW)
            return THRUM_ETHREAD;
        atomic_store_explicit(&greenlet->handle.owner, owner,
                              memory_order_relaxed);
    }
    thrumi_greenlet_set_parent(greenlet, parent);
    return 0;
}

int thrum_greenlet_set_fn(thrum_greenlet *greenlet, thrum_fn *fn)
{
    if (thrum_greenlet_get_state(greenlet) != THRUM_GREENLET_NEW)
        return THRUM_ESTATE;
    greenlet->handle.strand->fn = fn;
    return 0;
}

/* ---- state ---- */

thrum_greenlet_state thrum_greenlet_get_state(const thrum_greenlet *greenlet)
{
    switch (
        atomic_load_explicit(&greenlet->handle.state, memory_order_acquire)) {
    case THRUM_GENERATOR_CREATED:
        return THRUM_GREENLET_NEW;
    case THRUM_GENERATOR_CLOSED:
        break;
    default:
        return THRUM_GREENLET_ACTIVE;
    }
    switch (greenlet->handle.phase) {
    case THRUMI_ERROR:
        return THRUM_GREENLET_FAILED;
    case THRUMI_CANCELLED:
        return THRUM_GREENLET_CANCELLED;
    default:
        return THRUM_GREENLET_DONE;
    }
}

bool thrum_greenlet_active(const thrum_greenlet *greenlet)
{
    return thrum_greenlet_get_state(greenlet) == THRUM_GREENLET_ACTIVE;
}

bool thrum_greenlet_dead(const thrum_greenlet *greenlet)
{
    return thrum_greenlet_get_state(greenlet) > THRUM_GREENLET_ACTIVE;
}

const thrum_error *thrum_greenlet_error(const thrum_greenlet *greenlet)
{
    return thrumi_handle_error(&greenlet->handle);
}

/* ---- context and name ---- */

/* Does it run in this thread, or in none? */
static bool greenlet_is_at_hand(const struct thrum_greenlet *greenlet)
{
    struct thrumi_strand *at = greenlet->at;
    struct thrumi_loom *loom = thrumi_loom_get();

    return !thrum_greenlet_active(greenlet) ||
           (loom != NULL &&
            thrumi_handle_owner(&greenlet->handle) == loom->id) ||
           thrumi_strand_pc(at) != NULL;
}

void *thrum_greenlet_context(const thrum_greenlet *greenlet)
{
    return greenlet->handle.value;
}

int thrum_greenlet_set_context(thrum_greenlet *greenlet, void *context)
{
    if (!greenlet_is_at_hand(greenlet))
        return THRUM_ETHREAD;
    greenlet->handle.value = context;
    return 0;
}

void thrum_greenlet_set_name(thrum_greenlet *greenlet, const char *name)
{
    if (greenlet->handle.strand != NULL)
        thrumi_strand_set_name(greenlet->handle.strand, name);
}

const char *thrum_greenlet_name(const thrum_greenlet *greenlet)
{
    const struct thrumi_strand *strand = greenlet->handle.strand;

    return strand == NULL ? "" : strand->name;
}

/* ---- its stack ---- */

int thrum_greenlet_stack(const thrum_greenlet *greenlet, thrum_stack_info *info)
{
    return thrumi_strand_stack(greenlet->handle.strand, info);
}

int thrum_greenlet_backtrace(const thrum_greenlet *greenlet, void **frames,
                             int max)
{
    struct thrumi_loom *loom = thrumi_loom_get();

    if (!thrum_greenlet_active(greenlet) || loom == NULL ||
        thrumi_handle_owner(&greenlet->handle) != loom->id)
        return 0;
    return thrumi_backtrace(greenlet->at, frames, max);
}
