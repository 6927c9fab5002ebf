/* SPDX-License-Identifier: MIT */
/*
 * coro/yield_from.c - one generator in place of another (PEP 380).
 *
 * The outer one joins its chain and the inner's and switches to the inner leaf;
 * it goes on when that chain has ended, down to the inner generator itself.
 * Everything in between passes it by. See generator.h.
 */
#include <errno.h>

#include "base/error.h"
#include "coro/generator.h"

/* Joins the chains of the leaf that runs and of `inner`; the leaf there. */
static struct thrum_generator *yield_from_join(struct thrum_generator *leaf,
                                               struct thrum_generator *inner)
{
    struct thrum_generator *root = thrumi_generator_root(leaf);
    struct thrum_generator *inner_leaf = inner->link;

    thrumi_generator_begin(inner);
    thrumi_handle_set_ready(&inner->handle, THRUMI_NOT_READY);
    inner->outer = leaf;
    root->link = inner_leaf;
    inner_leaf->link = root;
    return inner_leaf;
}

/* Of one that had ended before: what it came to was told then, but for a
 * result that nobody has asked for. */
static int yield_from_ended(struct thrumi_handle *inner, void **ret_value)
{
    if (ret_value != NULL)
        *ret_value = inner->value;
    inner->value = NULL;
    return 0;
}

/* What the inner one came to, as seen from the outer. */
static int yield_from_outcome(struct thrumi_strand *strand,
                              struct thrumi_handle *inner, void **ret_value)
{
    const thrum_error *error;

    if (inner->phase == THRUMI_ERROR) {
        error = inner->extra.error;
        return thrumi_strand_deliver(strand, error->code,
                                     thrumi_error_copy(error));
    }
    /* also when the inner one has returned as if nothing were (Y4) */
    if (inner->phase == THRUMI_CANCELLED || inner->cancelling)
        return thrumi_strand_deliver(strand, -ECANCELED, NULL);
    return yield_from_ended(inner, ret_value);
}

/* Lets the inner leaf go on as by next; returns when `inner` has ended. */
static void yield_from_enter(struct thrumi_strand *leaf,
                             struct thrumi_strand *strand)
{
    if (leaf->sent != NULL)
        *leaf->sent = NULL;
    leaf->context.carrier = strand->context.carrier;
    thrumi_strand_switch(leaf);
}

int thrum_yield_from(thrum_generator *inner, void **ret_value)
{
    struct thrum_generator *leaf = thrumi_generator_current();
    struct thrum_generator *inner_leaf;
    struct thrumi_strand *strand;
    int rc;

    if (leaf == NULL)
        return THRUM_ECONTEXT;
    rc = thrumi_generator_claim(inner);
    if (rc != 0)
        return rc;
    strand = leaf->handle.strand;
    if (thrumi_unlikely(strand->delivered))
        thrumi_strand_forget(strand);
    if (thrumi_handle_state(&inner->handle) == THRUM_GENERATOR_CLOSED)
        return yield_from_ended(&inner->handle, ret_value);
    thrumi_handle_ref(&inner->handle);
    inner_leaf = yield_from_join(leaf, inner);
    yield_from_enter(inner_leaf->handle.strand, strand);
    inner->outer = NULL;
    rc = yield_from_outcome(strand, &inner->handle, ret_value);
    thrumi_handle_unref(&inner->handle);
    return rc;
}

/* An iterator has failed, or was sent what it cannot take: the body fails of
 * that, as it does of a generator's error. */
static int yield_from_iter_failed(const thrum_iter *inner, int rc)
{
    struct thrumi_strand *strand = thrumi_strand_current();
    const thrum_error *error = thrum_iter_error(inner);

    if (rc == THRUM_EFAILED && error != NULL)
        return thrumi_strand_deliver(strand, error->code,
                                     thrumi_error_copy(error));
    return thrumi_strand_deliver(strand, rc, NULL);
}

int thrum_yield_from_iter(thrum_iter *inner)
{
    void *item = NULL;
    void *sent = NULL;
    int rc;

    if (thrumi_generator_current() == NULL)
        return THRUM_ECONTEXT;
    while ((rc = thrum_iter_next(inner, &item)) == 0) {
        rc = thrum_yield(item, &sent);
        if (rc != 0)
            return rc;
        if (sent != NULL)
            return yield_from_iter_failed(inner, -ENOTSUP);
    }
    return rc == THRUM_ESTOP ? 0 : yield_from_iter_failed(inner, rc);
}

thrum_generator *thrum_generator_delegate(const thrum_generator *generator)
{
    const struct thrum_generator *root = generator;
    struct thrum_generator *at;

    if (generator->handle.strand == NULL)
        return NULL;
    while (root->outer != NULL)
        root = root->outer;
    at = root->link; /* the leaf: from there outwards */
    if (at == generator)
        return NULL;
    while (at->outer != generator)
        at = at->outer;
    return at;
}
