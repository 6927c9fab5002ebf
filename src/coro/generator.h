/* SPDX-License-Identifier: MIT */
/*
 * coro/generator.h - generators and the chains that they form.
 *
 * Generators that yield from each other are a chain: the root is the one that
 * a user pulls, the leaf the one that runs. Only these two know each other:
 *
 *     root <--outer-- middle <--outer-- leaf
 *      |link------------------------------^ |
 *      ^------------------------------link--|
 *
 * so a value takes one switch from the leaf to whoever pulls the root and back,
 * at any depth, and neither joining a chain nor leaving it looks at the rest
 * (Y7). A root that is its own leaf has itself for a link. The state of a chain
 * is that of its root; the others count as running, so that nobody else can
 * pull them.
 */
#ifndef THRUMI_CORO_GENERATOR_H
#define THRUMI_CORO_GENERATOR_H

#include "coro/handle.h"

/* The generator that runs here, or NULL. */
static inline struct thrum_generator *thrumi_generator_current(void)
{
    struct thrumi_self *self = thrumi_self();
    struct thrumi_strand *strand = self->strand;

    if (thrumi_unlikely(
            strand == NULL ||
            atomic_load_explicit(&strand->kind, memory_order_relaxed) !=
                THRUMI_STRAND_GENERATOR ||
            thrumi_context_in_callback(self->running)))
        return NULL;
    return (struct thrum_generator *)strand->handle;
}

/* May this thread pull it? 0 or why not. A new one becomes this thread's. */
int thrumi_generator_claim(struct thrum_generator *generator);
/* It is about to be switched to, perhaps for the first time. */
void thrumi_generator_begin(struct thrum_generator *generator);

static inline struct thrum_generator *
thrumi_generator_root(struct thrum_generator *leaf)
{
    return leaf->outer == NULL ? leaf : leaf->link;
}

#endif /* THRUMI_CORO_GENERATOR_H */
