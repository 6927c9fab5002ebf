/* SPDX-License-Identifier: MIT */
/*
 * coro/strand.h - a stack and what runs on it; a thread's strands.
 *
 * A strand is the engine of a greenlet or a generator while it lives: a stack
 * with its record at the top, so that one which is parked costs one page.
 *
 *     slot's end  | struct thrumi_strand | copy of the argument | first frame ...
 *
 * The handles that users hold are elsewhere (64 bytes each): a strand ends when
 * its function does, and its stack goes back at that moment.
 *
 * A loom is what a thread has of this: its own stack as a strand, the one that
 * just ended, the free stacks that it keeps. A strand never leaves its loom, so
 * nothing here is locked, but for the word by which thrum_dump() stops the
 * others from switching while it reads their stacks (freeze.c).
 */
#ifndef THRUMI_CORO_STRAND_H
#define THRUMI_CORO_STRAND_H

#include <stdatomic.h>
#include <stdint.h>

#include <thrum/greenlet.h>

#include "sys/ctx.h"
#include "sys/ctx_tools.h"
#include "sys/cxx.h"
#include "sys/stack.h"
#include "task/body.h"
#include "task/context.h"

#define THRUMI_STRAND_NAME 24

enum thrumi_strand_kind {
    THRUMI_STRAND_NONE = 0, /* a free stack, or one never used */
    THRUMI_STRAND_THREAD,   /* a thread's own stack */
    THRUMI_STRAND_GENERATOR,
    THRUMI_STRAND_GREENLET,
};

struct thrumi_defer;
struct thrumi_handle;
struct thrumi_hub;
struct thrumi_loom;

struct thrumi_strand {
    struct thrumi_ctx ctx;          /* where it stopped */
    struct thrumi_context *running; /* what ran on it when it stopped */
    atomic_uchar kind;              /* enum thrumi_strand_kind */
    bool quick;     /* a generator's, with nothing delivered: may just yield */
    bool delivered; /* an error was, and is not dealt with: see below */
    bool stuck;     /* it would not end with its thread */
    bool cancelled; /* what was delivered is a cancellation */
    struct thrumi_cxx cxx; /* while it does not run */
    struct thrumi_ctx_tools tools;
    struct thrumi_context context; /* its own */
    struct thrumi_loom *loom;      /* NULL until it begins */
    struct thrumi_defer *defers;   /* newest first */
    /* of a generator: */
    struct thrumi_strand *back; /* who pulls it, of a root */
    void **sent;                /* where its yield wants what is sent */
    void **pulled;              /* of a root: where he wants the value */
    bool closing;               /* what comes of it is for close to tell */
    struct thrumi_handle *handle;
    /* of a hub's greenlet: */
    struct thrumi_link link;    /* on the hub's list of its strands */
    struct thrumi_strand *idle; /* the next that has nothing to do */
    struct thrumi_body *home;   /* outside of the hub; waits for it; or NULL */
    bool own_size;              /* its stack is not the default one */
    struct thrumi_body *body;   /* of its function, while that runs */
    thrum_fn *fn;
    void *arg;
    /* Runs the body; returns what goes on when it has ended. */
    struct thrumi_strand *(*run)(struct thrumi_strand *self);
    struct thrumi_stack stack;
    char name[THRUMI_STRAND_NAME];
} __attribute__((aligned(64)));

/* What is on its way from one greenlet to the next. */
struct thrumi_flight {
    void *value;
    int code;           /* 0, or what is thrown */
    bool exit;          /* the origin has ended */
    bool look;          /* the quick way is to look: that, or a hook */
    thrum_error *error; /* of the code, or NULL */
    thrum_greenlet *origin;
};

struct thrumi_loom {
    struct thrumi_strand thread;  /* the thread's own stack */
    struct thrumi_strand *dead;   /* has just ended; whoever arrives frees it */
    struct thrumi_strand *left;   /* what stopped last; under ASan */
    struct thrumi_handle *orphan; /* stands still, and nobody holds it */
    unsigned orphans;             /* generators that run without a holder */
    int landing_rc;
    int *errno_at;
    struct thrumi_cxx *cxx_at; /* NULL: no C++ here */
    uint32_t id;               /* of the thread; never used again; not 0 */
    uint16_t generation;       /* of the process, see sys/fork.h */
    /* Why the next switch is to look around first: see below. */
    atomic_uint attention;
    unsigned live;          /* strands that have begun and not ended */
    unsigned slabs_seen;    /* of stacks, when C++ was looked for last */
    uint64_t float_control; /* for the check in debug builds */
    /* of greenlets, in greenlet.c and trace.c: */
    thrum_greenlet *main;    /* NULL until it is asked for */
    thrum_greenlet *current; /* likewise */
    struct thrumi_flight flight;
    thrum_greenlet_trace_fn *trace; /* NULL: none */
    void *trace_arg;
    bool in_trace;
    /* of its hub, in hub/: */
    struct thrumi_hub *hub; /* NULL: none */
    /* The strand that goes on when a greenlet has ended and none of its parents
     * can; and the hub's end, with the thread. */
    struct thrumi_strand *(*next)(struct thrumi_loom *loom);
    void (*hub_ends)(struct thrumi_loom *loom);
    /* The thread has ended on a strand of the hub's (pthread_exit). */
    void (*hub_loses)(struct thrumi_loom *loom, struct thrumi_strand *strand);
    /* The same, while the thread's own stack is as it was. */
    void (*hub_unwound)(struct thrumi_loom *loom);
    struct thrumi_stack_cache stacks;
    _Atomic(struct thrumi_handle *) dropped; /* by other threads; a pile */
    struct thrumi_link link;                 /* on the list of all looms */
};

/* Bits of loom.attention. */
enum {
    THRUMI_FROZEN = 1,  /* a dump reads stacks: who wants to switch waits */
    THRUMI_DROPPED = 2, /* other threads have left handles to be destroyed */
    THRUMI_ORPHAN = 4,  /* a generator that runs has lost its last holder */
    THRUMI_TRACED = 8,  /* there is a switch hook */
};

/* The thread's loom, made at its first use; NULL: no memory. */
struct thrumi_loom *thrumi_loom_get(void);

/* What to make. */
struct thrumi_strand_plan {
    thrum_fn *fn;
    const void *arg;
    size_t size; /* of the argument, to be copied; 0: the pointer as it is */
    const thrum_stack_options *options; /* or NULL */
    enum thrumi_strand_kind kind;
};

/* 0; -EINVAL, -ENOMEM, THRUM_ESTACK. Those who walk over strands see it when
 * it has been given its kind. */
int thrumi_strand_new(const struct thrumi_strand_plan *plan,
                      struct thrumi_strand **ret);
/* Makes it one of this thread's, before its first switch. */
void thrumi_strand_adopt(struct thrumi_strand *strand,
                         struct thrumi_loom *loom);
/* Takes it away from those who walk over strands, and waits for those that
 * look at it. `loom` may be NULL. */
void thrumi_strand_hide(struct thrumi_strand *strand, struct thrumi_loom *loom);
/* Frees one that does not run; by its own thread once it has begun. */
void thrumi_strand_free(struct thrumi_strand *strand);

/* Stops the running strand and lets `to` go on; returns when somebody lets
 * this one go on. Of the same loom, both. */
void thrumi_strand_switch(struct thrumi_strand *to);

/* Frees the one that has just ended, if any. */
void thrumi_strand_reap(struct thrumi_loom *loom);

/* Stops the running strand and lets one go on that has hopped itself or has not
 * begun: its call returns `rc`, and this one what whoever hops back says. */
int thrumi_strand_hop(struct thrumi_strand *to, int rc);
/* Has one that hopped land before it goes on, where loom.dead and loom.orphan
 * are seen to and its code is loom.landing_rc. */
void thrumi_strand_have_land(struct thrumi_strand *strand);
/* In handle.c. */
int thrumi_strand_land(void);

/* The running strand. */
static inline struct thrumi_strand *thrumi_strand_current(void)
{
    return thrumi_self()->strand;
}

/* Is the strand stopped, or not begun? From any thread: see freeze.c. */
static inline void *thrumi_strand_pc(struct thrumi_strand *strand)
{
    /* acquire: pairs with the switch, which writes the place last */
    void *pc = __atomic_load_n(&strand->ctx.pc, __ATOMIC_ACQUIRE);

    if (pc != NULL)
        thrumi_ctx_tools_look(&strand->tools);
    return pc;
}

/* The strand at the top of a slot. */
static inline struct thrumi_strand *
thrumi_strand_of_slot(const struct thrumi_stack_slab *slab, uint32_t slot)
{
    return (struct thrumi_strand *)(void *)(thrumi_stack_slot_top(slab, slot) -
                                            sizeof(struct thrumi_strand));
}

/* Its size and depth, see thrum/stack.h. */
int thrumi_strand_stack(const struct thrumi_strand *strand,
                        thrum_stack_info *info);

void thrumi_strand_set_name(struct thrumi_strand *strand, const char *name);

/* Makes the body of the strand that runs fail with the code, or be cancelled,
 * unless it deals with that: it returns a value, clears the error, or stops
 * again. A body that runs inside of that one is only told. `error` may be NULL;
 * it is taken over. Returns the code. */
int thrumi_strand_deliver(struct thrumi_strand *strand, int code,
                          thrum_error *error);
/* Is it cancelled, and has not dealt with it? */
static inline bool thrumi_strand_cancelling(const struct thrumi_strand *strand)
{
    return strand->delivered && strand->cancelled;
}
/* It stops again, so it has dealt with what was delivered. */
void thrumi_strand_forget(struct thrumi_strand *strand);

/* A body that raises the cancellation has not failed, but passed it on. */
void thrumi_strand_calm(struct thrumi_outcome *outcome);

/* Runs the strand's function and its deferred calls; what came of it. */
void thrumi_strand_call(struct thrumi_strand *strand,
                        struct thrumi_outcome *ret);

/* Runs the deferred calls of a strand whose function has returned, and then
 * destroys its values of thrum_local. */
void thrumi_defer_run(struct thrumi_strand *strand);

static inline void thrumi_strand_clean_up(struct thrumi_strand *strand)
{
    if (thrumi_unlikely(strand->defers != NULL ||
                        strand->context.locals != NULL))
        thrumi_defer_run(strand);
}

/* Waits until no dump reads stacks. In freeze.c. */
void thrumi_loom_thaw_wait(struct thrumi_loom *loom);

#endif /* THRUMI_CORO_STRAND_H */
