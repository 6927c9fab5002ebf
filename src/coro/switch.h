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

/* The same for a switch in the midst of a function. */
#if THRUMI_CTX_WALK && !defined(THRUMI_ASAN) && !defined(THRUMI_TSAN)
# define THRUMI_STRAND_QUICK 1
#else
# define THRUMI_STRAND_QUICK 0
#endif

#define THRUMI_INLINE static inline __attribute__((always_inline))

#ifdef NDEBUG
# define thrumi_strand_check_float(loom) ((void)(loom))
#else
/* Rounding and masks are the thread's, not the strand's. */
void thrumi_strand_check_float(struct thrumi_loom *loom);
#endif

/* Marks it as running, and gives the place where it stopped. False when there
 * is something to be seen to first: then nothing was done. */
THRUMI_INLINE bool thrumi_strand_claim(struct thrumi_loom *loom,
                                       struct thrumi_strand *to, void **ret_pc)
{
    void *pc = to->ctx.pc;

    /* The dump sets its bit and makes every thread pass a barrier before it
     * reads this: either it sees NULL, or we see the bit. */
    __atomic_store_n(&to->ctx.pc, NULL, __ATOMIC_RELAXED);
    atomic_signal_fence(memory_order_seq_cst);
    *ret_pc = pc;
    if (thrumi_likely(
            atomic_load_explicit(&loom->attention, memory_order_relaxed) == 0))
        return true;
    __atomic_store_n(&to->ctx.pc, pc, __ATOMIC_RELEASE);
    return false;
}

THRUMI_INLINE void thrumi_strand_swap_cxx(struct thrumi_loom *loom,
                                          struct thrumi_strand *from,
                                          struct thrumi_strand *to)
{
    if (thrumi_likely(loom->cxx_at == NULL))
        return;
    from->cxx = *loom->cxx_at;
    *loom->cxx_at = to->cxx;
}

/* The thread's own variables: of the one that stops to that which goes on. */
THRUMI_INLINE void thrumi_strand_exchange(struct thrumi_self *self,
                                          struct thrumi_loom *loom,
                                          struct thrumi_strand *from,
                                          struct thrumi_strand *to)
{
    thrumi_strand_check_float(loom);
    from->running = self->running;
    thrumi_strand_swap_cxx(loom, from, to);
    self->strand = to;
    self->running = to->running;
}

#if THRUMI_STRAND_HOPS
/* Stops the running strand and lets one go on that has hopped itself, or has
 * not begun, at `pc`, with `running` on it: its call returns `rc`, and this one
 * what whoever hops back says. The last thing that a function does. */
THRUMI_INLINE int thrumi_strand_hop_to(struct thrumi_self *self,
                                       struct thrumi_loom *loom,
                                       struct thrumi_strand *to, void *pc,
                                       struct thrumi_context *running)
{
    struct thrumi_strand *from = self->strand;

    thrumi_strand_check_float(loom);
    thrumi_strand_swap_cxx(loom, from, to);
    self->strand = to;
    self->running = running;
    return thrumi_ctx_hop(&from->ctx, &to->ctx, pc, 0);
}
#endif

#endif /* THRUMI_CORO_SWITCH_H */
