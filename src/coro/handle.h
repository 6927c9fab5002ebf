/* SPDX-License-Identifier: MIT */
/*
 * coro/handle.h - what users hold of a generator or greenlet: 64 bytes.
 *
 * Counted, and there until the last reference is gone, whereas the strand ends
 * with the function. `owner` is the loom that it belongs to: of a generator
 * that of its first next, of a greenlet that of its parent.
 *
 * Locking: none. Only the owner's thread writes, but for `refs`. The others
 * may look at `state` and `owner`, in order to be refused.
 */
#ifndef THRUMI_CORO_HANDLE_H
#define THRUMI_CORO_HANDLE_H

#include <thrum/generator.h>
#include <thrum/greenlet.h>

#include "coro/loom.h"
#include "coro/strand.h"
#include "sys/fork.h"
#include "sys/rmw.h"

/* `ready` of one that does not stand still. No loom's. */
#define THRUMI_NOT_READY ((struct thrumi_loom *)(uintptr_t)8)
/* Of one that a hub has: it waits there for something. */
#define THRUMI_PARKED ((struct thrumi_loom *)(uintptr_t)24)
/* Of one that stands still for ever, since its thread has ended. */
#define THRUMI_NEVER_READY ((struct thrumi_loom *)(uintptr_t)16)

struct thrumi_handle {
    atomic_uint refs;
    atomic_uchar state;     /* thrum_generator_state */
    uint8_t kind;           /* enum thrumi_strand_kind */
    uint16_t generation;    /* of the process that made it, see sys/fork.h */
    _Atomic uint32_t owner; /* 0: nobody's yet */
    uint8_t phase;          /* of one that has ended: what it came to */
    bool cancelling;        /* likewise: while it was being cancelled */
    bool spawned;           /* by a hub, which is where its end leads */
    struct thrumi_strand *strand; /* NULL when it has ended */
    struct thrumi_loom *ready;    /* its own, while it stands still */
    void *value; /* of one that has ended: the result, until it is given out;
                  * next of the handles that were dropped */
    union {
        thrum_error *error;             /* of THRUMI_ERROR */
        struct thrumi_payload *payload; /* of THRUMI_VALUE */
    } extra;
};

/* See generator.h's story of chains. */
struct thrum_generator {
    struct thrumi_handle handle;
    struct thrum_generator *link; /* of a root: its leaf; of a leaf: its root */
    struct thrum_generator *outer; /* who yields from it; NULL: a root */
};

struct thrum_greenlet {
    struct thrumi_handle handle;   /* value: the user's context */
    struct thrum_greenlet *parent; /* counted */
    struct thrumi_strand *at;      /* its own, or a generator's that it pulls */
};

/* Fills in a handle with one reference for a strand. */
void thrumi_handle_init(struct thrumi_handle *handle,
                        struct thrumi_strand *strand,
                        enum thrumi_strand_kind kind);
/* A handle with one reference for a strand of the plan; 0 or a code. */
int thrumi_handle_new(const struct thrumi_strand_plan *plan,
                      struct thrumi_handle **ret);

/* Frees one that has no strand. */
void thrumi_handle_free(struct thrumi_handle *handle);

/* Writes what its body came to, and takes its strand away, which ends. */
void thrumi_handle_end(struct thrumi_handle *handle,
                       const struct thrumi_outcome *outcome);
/* The same for one that never began, or has ended already. */
void thrumi_handle_fail(struct thrumi_handle *handle, int code);

static inline struct thrumi_loom *
thrumi_handle_ready(const struct thrumi_handle *handle)
{
    return __atomic_load_n(&handle->ready, __ATOMIC_RELAXED);
}

/* Does it wait in a hub? Then only that lets it go on. */
static inline bool thrumi_handle_parked(const struct thrumi_handle *handle)
{
    return thrumi_handle_ready(handle) == THRUMI_PARKED;
}

/* The state changes twice in a life. In between it says RUNNING, and whether
 * it stands still `ready` says, which the quick ways write. */
static inline unsigned thrumi_handle_state(const struct thrumi_handle *handle)
{
    unsigned state = atomic_load_explicit(&handle->state, memory_order_acquire);

    if (state == THRUM_GENERATOR_RUNNING &&
        thrumi_handle_ready(handle) != THRUMI_NOT_READY)
        return THRUM_GENERATOR_SUSPENDED;
    return state;
}

static inline void thrumi_handle_set_ready(struct thrumi_handle *handle,
                                           struct thrumi_loom *loom)
{
    __atomic_store_n(&handle->ready, loom, __ATOMIC_RELAXED);
}

static inline void thrumi_handle_set_state(struct thrumi_handle *handle,
                                           unsigned state)
{
    atomic_store_explicit(&handle->state, (unsigned char)state,
                          memory_order_release);
}

static inline uint32_t thrumi_handle_owner(const struct thrumi_handle *handle)
{
    return atomic_load_explicit(&handle->owner, memory_order_relaxed);
}

/* A greenlet that a forked child has inherited stands still there for ever. */
static inline bool thrumi_handle_is_inert(const struct thrumi_handle *handle)
{
    return handle->kind == THRUMI_STRAND_GREENLET &&
           handle->generation != thrumi_fork_generation();
}

static inline void thrumi_handle_ref(struct thrumi_handle *handle)
{
    thrumi_fetch_add(&handle->refs, 1, memory_order_relaxed);
}

/* Does nobody but the caller have a reference? */
static inline bool thrumi_handle_is_sole(const struct thrumi_handle *handle)
{
    /* acquire: pairs with the release of whoever dropped the last other one */
    return atomic_load_explicit(&handle->refs, memory_order_acquire) == 1;
}

/* Drops a reference; the last one destroys it, here or in its own thread. */
void thrumi_handle_unref(struct thrumi_handle *handle);

/* Was the last reference dropped by what ran on it? Then it is destroyed by
 * the one that goes on. */
static inline bool thrumi_handle_orphaned(struct thrumi_handle *handle)
{
    return atomic_load_explicit(&handle->refs, memory_order_relaxed) == 0;
}

/* Destroys one without references that does not run, in its own thread: ends
 * what is suspended, reports what that came to, frees it. */
void thrumi_handle_destroy(struct thrumi_handle *handle);
/* Ends a suspended one by cancelling it. False: it would not end. Each kind
 * has its own. */
bool thrumi_handle_kill(struct thrumi_handle *handle);
bool thrumi_generator_kill(struct thrum_generator *generator);
bool thrumi_greenlet_kill(struct thrum_greenlet *greenlet);
void thrumi_greenlet_fini(struct thrum_greenlet *greenlet);
/* Reports one that would not end; its stack stays where it is for ever. */
void thrumi_handle_give_up(struct thrumi_handle *handle);
/* The thread is on its own stack again: the main greenlet runs. */
void thrumi_greenlet_leave_current(struct thrumi_loom *loom);
/* Ends the main greenlet. */
void thrumi_greenlet_thread_ends(struct thrumi_loom *loom);

/* Its strand's thread has ended on it: the function will never return. */
void thrumi_handle_abandon(struct thrumi_handle *handle);

/* What it failed with, or NULL. */
const thrum_error *thrumi_handle_error(const struct thrumi_handle *handle);

#endif /* THRUMI_CORO_HANDLE_H */
