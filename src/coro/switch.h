/* SPDX-License-Identifier: MIT */
/*
 * coro/switch.h - what a switch does besides: the steps that all forms share.
 *
 * They are inline, since the functions that users call hop and switch
 * themselves: each call and return less is a return less that the processor
 * predicts wrongly.
 */
#ifndef THRUMI_CORO_SWITCH_H
#define THRUMI_CORO_SWITCH_H

#include "coro/strand.h"

/* The tools must be told on arrival, which a hop has no place for. */
#if THRUMI_CTX_HOP && !defined(THRUMI_ASAN) && !defined(THRUMI_TSAN)
# define THRUMI_STRAND_HOPS 1
#else
# define THRUMI_STRAND_HOPS 0
#endif

#define THRUMI_INLINE static inline __attribute__((always_inline))

#ifdef NDEBUG
# define thrumi_strand_check_float(loom) ((void)(loom))
#else
/* Rounding and masks are the thread's, not the strand's. */
void thrumi_strand_check_float(struct thrumi_loom *loom);
#endif

/* Marks it as running; waits while a dump reads stacks. Returns the place. */
THRUMI_INLINE void *thrumi_strand_claim(struct thrumi_loom *loom,
                                        struct thrumi_strand *to)
{
    void *pc = to->ctx.pc;

    /* The dump sets its bit and makes every thread pass a barrier before it
     * reads this: either it sees NULL, or we see the bit. */
    __atomic_store_n(&to->ctx.pc, NULL, __ATOMIC_RELAXED);
    atomic_signal_fence(memory_order_seq_cst);
    while (thrumi_unlikely(
        (atomic_load_explicit(&loom->attention, memory_order_relaxed) &
         THRUMI_FROZEN) != 0)) {
        __atomic_store_n(&to->ctx.pc, pc, __ATOMIC_RELEASE);
        thrumi_loom_thaw_wait(loom);
        __atomic_store_n(&to->ctx.pc, NULL, __ATOMIC_SEQ_CST);
    }
    return pc;
}

THRUMI_INLINE void thrumi_strand_save(struct thrumi_self *self,
                                      struct thrumi_loom *loom,
                                      struct thrumi_strand *from)
{
    from->running = self->running;
    from->saved_errno = *loom->errno_at;
    if (thrumi_unlikely(loom->cxx_at != NULL))
        from->cxx = *loom->cxx_at;
}

THRUMI_INLINE void thrumi_strand_restore(struct thrumi_self *self,
                                         struct thrumi_loom *loom,
                                         struct thrumi_strand *to)
{
    self->strand = to;
    self->running = to->running;
    *loom->errno_at = to->saved_errno;
    if (thrumi_unlikely(loom->cxx_at != NULL))
        *loom->cxx_at = to->cxx;
}

/* Stops the running strand and lets one go on that has hopped itself, or has
 * not begun: its call returns `rc`, and this one what whoever hops back says.
 * The last thing that a function does. */
THRUMI_INLINE int thrumi_strand_hop(struct thrumi_self *self,
                                    struct thrumi_loom *loom,
                                    struct thrumi_strand *to, int rc)
{
#if THRUMI_STRAND_HOPS
    struct thrumi_strand *from = self->strand;
    void *pc = thrumi_strand_claim(loom, to);

    thrumi_strand_check_float(loom);
    thrumi_strand_save(self, loom, from);
    thrumi_strand_restore(self, loom, to);
    return thrumi_ctx_hop(&from->ctx, &to->ctx, pc, rc);
#else
    (void)self;
    loom->landing_rc = rc;
    thrumi_strand_switch(to);
    return thrumi_strand_land();
#endif
}

#endif /* THRUMI_CORO_SWITCH_H */
