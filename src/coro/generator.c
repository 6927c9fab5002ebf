/* SPDX-License-Identifier: MIT */
/*
 * coro/generator.c - a function that stops in the middle (PEP 342, PEP 479).
 *
 * Whoever pulls leaves in the root where it wants the value, writes what it
 * sends where the leaf's yield wants that, and hops to the leaf; a yield does
 * the same the other way round. So each does the other's last step before it
 * hops, and a hop returns straight to the user's code. Everything else is for
 * the first time, the last time and the wrong time.
 */
#include "coro/generator.h"

#include <errno.h>

#include "base/error.h"
#include "coro/switch.h"

#define GENERATOR_KILLS 8 /* times it is asked to end before it is given up */

/* ---- the body's end ---- */

/* The leaf has ended: the one that yields from it goes on, as the leaf. */
static struct thrumi_strand *generator_pop(struct thrum_generator *leaf,
                                           struct thrumi_strand *strand)
{
    struct thrum_generator *outer = leaf->outer;
    struct thrum_generator *root = leaf->link;

    root->link = outer;
    if (outer != root)
        outer->link = root;
    outer->handle.strand->context.carrier = strand->context.carrier;
    return outer->handle.strand;
}

/* What came of it, of one that has ended: the first time, its result. */
static int generator_end_code(struct thrum_generator *generator, void **ret)
{
    struct thrumi_handle *handle = &generator->handle;
    void *value = handle->value;

    if (handle->phase == THRUMI_CANCELLED)
        thrumi_handle_fail(handle, -ECANCELED);
    if (handle->phase == THRUMI_ERROR)
        return THRUM_EFAILED;
    handle->value = NULL;
    if (ret != NULL)
        *ret = value;
    return THRUM_ESTOP;
}

/* Has its last reference gone while it ran? Then whoever pulled it destroys it,
 * when he lands. */
static bool generator_leave_orphan(struct thrumi_loom *loom,
                                   struct thrum_generator *root)
{
    if (thrumi_likely(!thrumi_handle_orphaned(&root->handle)))
        return false;
    if (--loom->orphans == 0)
        atomic_fetch_and_explicit(&loom->attention, ~(unsigned)THRUMI_ORPHAN,
                                  memory_order_relaxed);
    loom->orphan = &root->handle;
    return true;
}

/* A root has ended: its puller lands. */
static struct thrumi_strand *generator_return(struct thrum_generator *root,
                                              struct thrumi_strand *strand)
{
    if (!strand->closing)
        strand->loom->landing_rc = generator_end_code(root, strand->pulled);
    (void)generator_leave_orphan(strand->loom, root);
    strand->back->running = strand->context.carrier;
    return strand->back;
}

static struct thrumi_strand *generator_run(struct thrumi_strand *strand)
{
    struct thrum_generator *generator =
        (struct thrum_generator *)strand->handle;
    struct thrumi_outcome outcome;

    thrumi_strand_call(strand, &outcome);
    thrumi_handle_end(&generator->handle, &outcome);
    generator->handle.value = outcome.value;
    generator->handle.cancelling = thrumi_strand_cancelling(strand);
    thrumi_handle_set_state(&generator->handle, THRUM_GENERATOR_CLOSED);
    if (generator->outer != NULL)
        return generator_pop(generator, strand);
    return generator_return(generator, strand);
}

/* ---- making ---- */

int thrum_generator_new(thrum_fn *fn, const void *arg, size_t size,
                        const thrum_stack_options *options,
                        thrum_generator **ret)
{
    const struct thrumi_strand_plan plan = {fn, arg, size, options,
                                            THRUMI_STRAND_GENERATOR};
    struct thrumi_handle *handle = NULL;
    thrum_generator *generator;
    int rc;

    if (fn == NULL || (size > 0 && arg == NULL))
        return -EINVAL;
    rc = thrumi_handle_new(&plan, &handle);
    if (rc != 0)
        return rc;
    handle->strand->run = generator_run;
    generator = (thrum_generator *)handle;
    generator->link = generator;
    generator->outer = NULL;
    *ret = generator;
    return 0;
}

thrum_generator *thrum_generator_ref(thrum_generator *generator)
{
    thrumi_handle_ref(&generator->handle);
    return generator;
}

void thrum_generator_unref(thrum_generator *generator)
{
    if (generator != NULL)
        thrumi_handle_unref(&generator->handle);
}

/* ---- pulling ---- */

/* Makes a new one this thread's; of two threads that try, one. */
static int generator_take(struct thrum_generator *generator,
                          struct thrumi_loom *loom)
{
    uint32_t nobody = 0;

    return atomic_compare_exchange_strong_explicit(
               &generator->handle.owner, &nobody, loom->id,
               memory_order_acq_rel, memory_order_relaxed)
               ? 0
               : THRUM_ETHREAD;
}

int thrumi_generator_claim(struct thrum_generator *generator)
{
    struct thrumi_loom *loom = thrumi_loom_get();
    uint32_t owner = thrumi_handle_owner(&generator->handle);
    unsigned state = thrumi_handle_state(&generator->handle);

    if (loom == NULL)
        return -ENOMEM;
    if (thrumi_unlikely(thrumi_loom_attention(loom)))
        thrumi_loom_collect(loom);
    if (state == THRUM_GENERATOR_RUNNING)
        return -EBUSY;
    if (owner == loom->id)
        return 0;
    if (owner == 0)
        return generator_take(generator, loom);
    return thrumi_loom_exists(owner) ? THRUM_ETHREAD : THRUM_EGONE;
}

void thrumi_generator_begin(struct thrum_generator *generator)
{
    struct thrumi_strand *strand = generator->handle.strand;

    if (strand->loom != NULL)
        return;
    thrumi_strand_adopt(strand, thrumi_self()->loom);
    thrumi_handle_set_state(&generator->handle, THRUM_GENERATOR_RUNNING);
}

/* What the one that stopped has left to be done for it, before its leaf goes
 * on, with `value`. */
THRUMI_INLINE void generator_set_out(struct thrumi_self *self,
                                     struct thrum_generator *root,
                                     struct thrumi_strand *leaf, void *value,
                                     void **ret)
{
    struct thrumi_strand *strand = root->handle.strand;

    thrumi_handle_set_ready(&root->handle, THRUMI_NOT_READY);
    strand->back = self->strand;
    strand->pulled = ret;
    if (leaf->sent != NULL)
        *leaf->sent = value;
    leaf->context.carrier = self->running;
}

/* Lets the leaf go on: `rc` is what its yield returns, `value` what it gets.
 * Returns what next does. */
static int generator_pull(struct thrum_generator *root, int rc, void *value,
                          void **ret)
{
    struct thrumi_strand *leaf = root->link->handle.strand;

    thrumi_generator_begin(root);
    generator_set_out(thrumi_self(), root, leaf, value, ret);
    return thrumi_strand_hop(leaf, rc);
}

/* The same with an error. */
static int generator_pull_error(struct thrum_generator *root, int code,
                                void **ret)
{
    struct thrumi_strand *leaf = root->link->handle.strand;

    leaf->sent = NULL;
    return generator_pull(root, thrumi_strand_deliver(leaf, code, NULL), NULL,
                          ret);
}

static __attribute__((noinline)) int
generator_send_slow(struct thrum_generator *generator, void *value, void **ret)
{
    unsigned state = thrumi_handle_state(&generator->handle);
    int rc;

    if (state == THRUM_GENERATOR_CREATED && value != NULL)
        return THRUM_ESTART;
    rc = thrumi_generator_claim(generator);
    if (rc != 0)
        return rc;
    if (thrumi_handle_state(&generator->handle) == THRUM_GENERATOR_CLOSED) {
        if (ret != NULL)
            *ret = NULL;
        return THRUM_ESTOP; /* its end was told when it came */
    }
    return generator_pull(generator, 0, value, ret);
}

/* The quick way: it is this thread's, stands still, and there is nothing else
 * to be seen to. */
THRUMI_INLINE int generator_send(struct thrum_generator *generator, void *value,
                                 void **ret)
{
#if THRUMI_STRAND_HOPS
    struct thrumi_self *self = thrumi_self();
    struct thrumi_loom *loom = self->loom;
    struct thrumi_strand *leaf;
    void *pc;

    if (thrumi_likely(thrumi_handle_ready(&generator->handle) == loom)) {
        leaf = generator->link->handle.strand;
        if (thrumi_likely(thrumi_strand_claim(loom, leaf, &pc))) {
            generator_set_out(self, generator, leaf, value, ret);
            return thrumi_strand_hop_to(self, loom, leaf, pc, &leaf->context);
        }
    }
#endif
    return generator_send_slow(generator, value, ret);
}

int thrum_generator_next(thrum_generator *generator, void **ret)
{
    return generator_send(generator, NULL, ret);
}

int thrum_generator_send(thrum_generator *generator, void *value, void **ret)
{
    return generator_send(generator, value, ret);
}

int thrum_generator_throw(thrum_generator *generator, int code, void **ret)
{
    int rc;

    if (code >= 0 || code == THRUM_ESTOP)
        return -EINVAL;
    rc = thrumi_generator_claim(generator);
    if (rc != 0)
        return rc;
    if (thrumi_handle_state(&generator->handle) == THRUM_GENERATOR_SUSPENDED)
        return generator_pull_error(generator, code, ret);
    thrumi_handle_fail(&generator->handle, code);
    thrumi_handle_set_state(&generator->handle, THRUM_GENERATOR_CLOSED);
    return THRUM_EFAILED;
}

/* ---- closing ---- */

/* What a closed one is to its closer: an end without an error is one. */
static int generator_close_code(struct thrum_generator *generator, void **ret)
{
    struct thrumi_handle *handle = &generator->handle;

    if (handle->phase == THRUMI_ERROR)
        return THRUM_EFAILED;
    if (handle->phase == THRUMI_CANCELLED)
        handle->phase = THRUMI_VALUE; /* NULL: it was asked to */
    if (ret != NULL)
        *ret = handle->value;
    handle->value = NULL;
    return 0;
}

static int generator_close_suspended(struct thrum_generator *generator,
                                     void **ret)
{
    struct thrumi_handle *handle = &generator->handle;
    int rc = THRUM_EIGNORED;

    thrumi_handle_ref(handle);
    handle->strand->closing = true;
    (void)generator_pull_error(generator, -ECANCELED, NULL);
    if (thrumi_handle_state(handle) == THRUM_GENERATOR_CLOSED)
        rc = generator_close_code(generator, ret);
    else
        handle->strand->closing = false;
    thrumi_handle_unref(handle);
    return rc;
}

int thrum_generator_close(thrum_generator *generator, void **ret)
{
    struct thrumi_handle *handle = &generator->handle;
    int rc = thrumi_generator_claim(generator);

    if (rc != 0)
        return rc;
    if (thrumi_handle_state(handle) == THRUM_GENERATOR_SUSPENDED)
        return generator_close_suspended(generator, ret);
    if (thrumi_handle_state(handle) == THRUM_GENERATOR_CREATED) {
        thrumi_strand_free(handle->strand);
        handle->strand = NULL;
        thrumi_handle_set_state(handle, THRUM_GENERATOR_CLOSED);
    }
    if (ret != NULL)
        *ret = NULL;
    return 0;
}

bool thrumi_generator_kill(struct thrum_generator *generator)
{
    for (int i = 0; i < GENERATOR_KILLS; i++)
        if (thrum_generator_close(generator, NULL) != THRUM_EIGNORED)
            return true;
    return false;
}

/* ---- yielding ---- */

/* The chain of this root stops, with a value for whoever pulled it. */
THRUMI_INLINE void generator_set_down(struct thrumi_loom *loom,
                                      struct thrum_generator *root, void *value)
{
    void **pulled = root->handle.strand->pulled;

    if (pulled != NULL)
        *pulled = value;
    thrumi_handle_set_ready(&root->handle, loom);
}

static __attribute__((noinline)) int generator_yield_slow(void *value,
                                                          void **ret_sent)
{
    struct thrum_generator *leaf = thrumi_generator_current();
    struct thrum_generator *root;
    struct thrumi_loom *loom;

    if (leaf == NULL)
        return THRUM_ECONTEXT;
    loom = leaf->handle.strand->loom;
    if (leaf->handle.strand->delivered)
        thrumi_strand_forget(leaf->handle.strand);
    leaf->handle.strand->sent = ret_sent;
    root = thrumi_generator_root(leaf);
    if (generator_leave_orphan(loom, root)) {
        loom->landing_rc = 0;
        thrumi_strand_have_land(root->handle.strand->back);
    }
    generator_set_down(loom, root, value);
    return thrumi_strand_hop(root->handle.strand->back, 0);
}

int thrum_yield(void *value, void **ret_sent)
{
#if THRUMI_STRAND_HOPS
    struct thrumi_self *self = thrumi_self();
    struct thrumi_strand *strand = self->strand;
    struct thrumi_loom *loom = self->loom;
    struct thrum_generator *root;
    struct thrumi_strand *back;
    void *pc;

    if (thrumi_likely(strand != NULL && strand->quick &&
                      strand->context.callback_frame == NULL)) {
        root = thrumi_generator_root((struct thrum_generator *)strand->handle);
        back = root->handle.strand->back;
        if (thrumi_likely(thrumi_strand_claim(loom, back, &pc))) {
            strand->sent = ret_sent;
            generator_set_down(loom, root, value);
            return thrumi_strand_hop_to(self, loom, back, pc,
                                        strand->context.carrier);
        }
    }
#endif
    return generator_yield_slow(value, ret_sent);
}

/* ---- looking ---- */

const thrum_error *thrum_generator_error(const thrum_generator *generator)
{
    return thrumi_handle_error(&generator->handle);
}

thrum_generator_state
thrum_generator_get_state(const thrum_generator *generator)
{
    const struct thrum_generator *root = generator;
    struct thrumi_loom *loom = thrumi_self()->loom;

    /* chains are for their own thread to look at */
    if (loom != NULL && thrumi_handle_owner(&generator->handle) == loom->id)
        while (root->outer != NULL)
            root = root->outer;
    return (thrum_generator_state)thrumi_handle_state(&root->handle);
}

void thrum_generator_set_name(thrum_generator *generator, const char *name)
{
    if (generator->handle.strand != NULL)
        thrumi_strand_set_name(generator->handle.strand, name);
}

int thrum_generator_stack(const thrum_generator *generator,
                          thrum_stack_info *info)
{
    return thrumi_strand_stack(generator->handle.strand, info);
}
