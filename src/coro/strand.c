/* SPDX-License-Identifier: MIT */
/*
 * coro/strand.c - making, switching and ending strands.
 *
 * The switch carries no value: who switches writes where the other will look
 * first. Here are the ways that see to everything; the quick ones, which users'
 * calls take as a rule, are made of the same steps (switch.h).
 *
 * An ended strand cannot free the stack that it runs on. It leaves itself in
 * loom.dead, and whoever goes on next frees it.
 */
#include "coro/strand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "coro/switch.h"
#include "task/callback.h"
#include "task/task.h"

#ifndef NDEBUG
void thrumi_strand_check_float(struct thrumi_loom *loom)
{
    if (thrumi_likely(thrumi_ctx_float_control() == loom->float_control))
        return;
    fprintf(stderr, "thrum: a greenlet or generator stopped with the "
                    "floating-point control words changed; they are not "
                    "switched: restore them before\n");
    abort();
}
#endif

/* ---- the switch ---- */

void thrumi_strand_reap(struct thrumi_loom *loom)
{
    struct thrumi_strand *dead = loom->dead;

    loom->dead = NULL;
    if (dead != NULL)
        thrumi_strand_free(dead);
}

/* Marks it as running, and gives the place where it stopped, however long it
 * takes until no dump reads stacks. The order is that of thrumi_strand_claim().
 */
THRUMI_CTX_PLAIN_INLINE void *strand_claim(struct thrumi_loom *loom,
                                           struct thrumi_strand *to)
{
    void *pc = to->ctx.pc;

    for (;;) {
        __atomic_store_n(&to->ctx.pc, NULL, __ATOMIC_RELAXED);
        atomic_signal_fence(memory_order_seq_cst);
        if (thrumi_likely(
                (atomic_load_explicit(&loom->attention, memory_order_relaxed) &
                 THRUMI_FROZEN) == 0))
            return pc;
        __atomic_store_n(&to->ctx.pc, pc, __ATOMIC_RELEASE);
        thrumi_loom_thaw_wait(loom);
    }
}

/* What is to be done first by the strand that goes on. */
THRUMI_CTX_PLAIN_INLINE void strand_arrive(struct thrumi_loom *loom,
                                           struct thrumi_strand *here)
{
    thrumi_ctx_tools_arrive(&here->tools,
                            loom->left != NULL ? &loom->left->tools : NULL);
    if (thrumi_unlikely(loom->dead != NULL))
        thrumi_strand_reap(loom);
}

THRUMI_CTX_PLAIN THRUMI_CTX_SWITCHES void
thrumi_strand_switch(struct thrumi_strand *to)
{
    struct thrumi_self *self = thrumi_self();
    struct thrumi_strand *from = self->strand;
    struct thrumi_loom *loom = from->loom;
    void *pc = strand_claim(loom, to);

    thrumi_strand_exchange(self, loom, from, to);
#ifdef THRUMI_ASAN
    loom->left = from;
#endif
    thrumi_ctx_tools_leave(&from->tools, &to->tools);
    (void)thrumi_ctx_switch(&from->ctx, &to->ctx, pc, NULL);
    strand_arrive(loom, from);
}

#if THRUMI_STRAND_HOPS
int thrumi_strand_hop(struct thrumi_strand *to, int rc)
{
    struct thrumi_self *self = thrumi_self();
    struct thrumi_loom *loom = self->loom;
    struct thrumi_strand *from = self->strand;
    void *pc = strand_claim(loom, to);

    thrumi_strand_exchange(self, loom, from, to);
    return thrumi_ctx_hop(&from->ctx, &to->ctx, pc, rc);
}

void thrumi_strand_have_land(struct thrumi_strand *strand)
{
    if (strand->ctx.pc == thrumi_ctx_hopped)
        strand->ctx.pc = thrumi_ctx_landing;
}
#else
int thrumi_strand_hop(struct thrumi_strand *to, int rc)
{
    to->loom->landing_rc = rc;
    thrumi_strand_switch(to);
    return thrumi_strand_land();
}

void thrumi_strand_have_land(struct thrumi_strand *strand)
{
    (void)strand; /* all do */
}
#endif

/* Leaves a strand that has ended for the one that goes on. Inline, so that no
 * call is left open. */
__attribute__((noreturn)) THRUMI_CTX_PLAIN_INLINE void
strand_leave(struct thrumi_strand *from, struct thrumi_strand *to)
{
    struct thrumi_self *self = thrumi_self();
    struct thrumi_loom *loom = from->loom;
    void *pc;

    thrumi_strand_have_land(to);
    pc = strand_claim(loom, to);
    thrumi_strand_exchange(self, loom, from, to);
    loom->dead = from;
    loom->left = NULL;
    thrumi_ctx_tools_leave(NULL, &to->tools);
    thrumi_ctx_jump(&to->ctx, pc, NULL);
}

/* The thread ends on this strand (pthread_exit), which unwinds it, and then no
 * other stack. So whatever runs on those is given up from here: what they hold
 * is below the end of a stack as soon as the thread goes on there. */
static void strand_unwound(struct thrumi_strand **strand)
{
    struct thrumi_context *context = &(*strand)->context;
    struct thrumi_loom *loom = (*strand)->loom;

    if (loom->hub != NULL)
        loom->hub_unwound(loom);
    for (; context != NULL; context = context->carrier) {
        thrumi_task_abandon(context);
        thrumi_callback_resume(context);
    }
}

/* What a new strand begins with. */
THRUMI_CTX_PLAIN static void strand_main(void *word)
{
    __attribute__((cleanup(strand_unwound))) struct thrumi_strand *self =
        thrumi_strand_current();

    (void)word;
    strand_arrive(self->loom, self);
    strand_leave(self, self->run(self));
}

/* ---- making ---- */

/* Without snprintf(), whose frames would touch a second page of whatever stack
 * this runs on. */
void thrumi_strand_set_name(struct thrumi_strand *strand, const char *name)
{
    size_t length = name == NULL ? 0 : strnlen(name, sizeof(strand->name) - 1);

    if (length > 0)
        memcpy(strand->name, name, length);
    strand->name[length] = '\0';
}

static int strand_get_stack(struct thrumi_loom *loom,
                            const struct thrumi_strand_plan *plan,
                            struct thrumi_stack *ret)
{
    const thrum_stack_options *options = plan->options;
    size_t size = options == NULL ? 0 : options->stack_size;
    int rc;

    if (options != NULL && options->size < sizeof(*options))
        return -EINVAL;
    if (size == 0)
        size = thrumi_stack_default();
    if (plan->size > size / 4)
        return -E2BIG;
    rc = thrumi_stack_get(&loom->stacks, size,
                          options != NULL && options->unguarded, ret);
    if (rc == 0 && options != NULL && options->measure)
        thrumi_stack_renew(ret);
    return rc;
}

static void strand_init(struct thrumi_strand *strand,
                        const struct thrumi_stack *stack)
{
    strand->running = &strand->context;
    strand->delivered = false;
    strand->cancelled = false;
    strand->stuck = false;
    strand->body = NULL;
    strand->cxx = (struct thrumi_cxx){NULL, 0};
    thrumi_context_init(&strand->context);
    __atomic_store_n(&strand->loom, NULL, __ATOMIC_RELAXED);
    strand->defers = NULL;
    strand->home = NULL;
    strand->own_size = false;
    strand->handle = NULL;
    strand->back = NULL;
    strand->pulled = NULL;
    strand->sent = NULL;
    strand->closing = false;
    strand->stack = *stack;
    strand->name[0] = '\0';
}

/* Puts the argument below the record; returns the top that is left. */
static char *strand_place_arg(struct thrumi_strand *strand,
                              const struct thrumi_strand_plan *plan)
{
    char *top = (char *)strand;

    strand->fn = plan->fn;
    strand->arg = (void *)(uintptr_t)plan->arg;
    if (plan->size == 0)
        return top;
    top -= (plan->size + 15) & ~(size_t)15;
    memcpy(top, plan->arg, plan->size);
    strand->arg = top;
    return top;
}

int thrumi_strand_new(const struct thrumi_strand_plan *plan,
                      struct thrumi_strand **ret)
{
    struct thrumi_loom *loom = thrumi_loom_get();
    struct thrumi_strand *strand;
    struct thrumi_stack stack;
    char *low;
    char *top;
    int rc;

    if (loom == NULL)
        return -ENOMEM;
    rc = strand_get_stack(loom, plan, &stack);
    if (rc != 0)
        return rc;
    low = thrumi_stack_low(&stack);
    top = thrumi_stack_top(&stack);
    strand = (struct thrumi_strand *)(void *)(top - sizeof(*strand));
    thrumi_ctx_tools_new(&strand->tools, low, (size_t)(top - low));
    strand_init(strand, &stack);
    top = strand_place_arg(strand, plan);
    thrumi_ctx_init(&strand->ctx, low, top, strand_main);
    strand->quick = plan->kind == THRUMI_STRAND_GENERATOR;
    strand->context.is_greenlet = plan->kind == THRUMI_STRAND_GREENLET;
    if (plan->options != NULL && plan->options->name != NULL)
        thrumi_strand_set_name(strand, plan->options->name);
    *ret = strand;
    return 0;
}

/* New stacks may mean a new time of the program, with C++ in it. */
static void strand_look_for_cxx(struct thrumi_loom *loom)
{
    unsigned slabs =
        atomic_load_explicit(&thrumi_stack_slab_count, memory_order_relaxed);

    if (thrumi_likely(loom->cxx_at != NULL || loom->slabs_seen == slabs))
        return;
    loom->slabs_seen = slabs;
    loom->cxx_at = thrumi_cxx_globals();
}

void thrumi_strand_adopt(struct thrumi_strand *strand, struct thrumi_loom *loom)
{
    strand_look_for_cxx(loom);
    /* those who walk over the strands of all look whose it is */
    __atomic_store_n(&strand->loom, loom, __ATOMIC_RELAXED);
    loom->live++;
}

void thrumi_strand_hide(struct thrumi_strand *strand, struct thrumi_loom *loom)
{
    atomic_store_explicit(&strand->kind, THRUMI_STRAND_NONE,
                          memory_order_release);
    /* A dump that saw it goes on to look at it and at its handle; see freeze.c
     * for why this order suffices. */
    atomic_signal_fence(memory_order_seq_cst);
    if (thrumi_likely(loom != NULL))
        thrumi_loom_thaw_wait(loom);
}

void thrumi_strand_free(struct thrumi_strand *strand)
{
    struct thrumi_loom *loom = thrumi_self()->loom;
    struct thrumi_stack stack = strand->stack;

    thrumi_ctx_tools_free(&strand->tools);
    thrumi_strand_hide(strand, loom);
    if (strand->loom != NULL)
        strand->loom->live--;
    /* without a loom it takes the lock that a dump holds */
    thrumi_stack_put(loom == NULL ? NULL : &loom->stacks, &stack);
}

/* ---- what was delivered ---- */

int thrumi_strand_deliver(struct thrumi_strand *strand, int code,
                          thrum_error *error)
{
    struct thrumi_body *body = strand->body;

    if (body == NULL || strand->context.body != body) {
        thrumi_error_free(error);
        return code;
    }
    strand->delivered = true;
    strand->quick = false;
    strand->cancelled = code == -ECANCELED;
    if (strand->cancelled) {
        thrumi_error_free(error);
        body->told_cancelled = true;
        return code;
    }
    if (error == NULL)
        error = thrumi_error_new(code, NULL);
    if (body->error != NULL)
        thrumi_error_set_cause(error, body->error);
    body->error = error;
    body->thrown = true;
    return code;
}

void thrumi_strand_forget(struct thrumi_strand *strand)
{
    struct thrumi_body *body = strand->body;

    strand->delivered = false;
    strand->quick = atomic_load_explicit(&strand->kind, memory_order_relaxed) ==
                    THRUMI_STRAND_GENERATOR;
    body->told_cancelled = false;
    if (body->thrown) {
        thrumi_error_free(body->error);
        body->error = NULL;
    }
    body->thrown = false;
}

/* ---- the call ---- */

void thrumi_strand_calm(struct thrumi_outcome *outcome)
{
    if (outcome->phase != THRUMI_ERROR || outcome->error->code != -ECANCELED)
        return;
    thrumi_error_free(outcome->error);
    *outcome = (struct thrumi_outcome){THRUMI_CANCELLED, NULL, NULL, NULL};
}

void thrumi_strand_call(struct thrumi_strand *strand,
                        struct thrumi_outcome *ret)
{
    THRUMI_BODY body;
    bool cancelled;
    void *value;

    thrumi_body_begin(&strand->context, &body, NULL, NULL);
    strand->body = &body;
    value = strand->fn(strand->arg);
    thrumi_strand_clean_up(strand);
    cancelled = thrumi_strand_cancelling(strand);
    strand->body = NULL;
    thrumi_body_end(&strand->context, &body, value, ret);
    if (cancelled)
        thrumi_strand_calm(ret);
}
