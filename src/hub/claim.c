/* SPDX-License-Identifier: MIT */
/*
 * hub/claim.c - a word per descriptor, in pages that stay for ever.
 *
 * Numbers above those that the pages can hold count as everybody's.
 */
#include "hub/claim.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/alloc.h"
#include "base/container.h"

#define CLAIM_PAGE  1024u
#define CLAIM_PAGES 1024u

typedef _Atomic(struct thrumi_hub *) claim_word;

static _Atomic(claim_word *) claims[CLAIM_PAGES];

/* The page, made if need be; NULL without memory. */
static claim_word *claim_page_make(_Atomic(claim_word *) *at)
{
    claim_word *page = thrumi_alloc_zero(CLAIM_PAGE * sizeof(*page));
    claim_word *other = NULL;

    if (page == NULL)
        return NULL;
    /* release: with the page's zeroes; acquire: with those of the other's */
    if (atomic_compare_exchange_strong_explicit(
            at, &other, page, memory_order_acq_rel, memory_order_acquire))
        return page;
    thrumi_free(page);
    return other;
}

static bool claim_word_take(claim_word *word, struct thrumi_hub *hub)
{
    /* relaxed: a look; whoever takes it away orders */
    struct thrumi_hub *was = atomic_load_explicit(word, memory_order_relaxed);

    while (was != hub && was != THRUMI_CLAIM_SEVERAL) {
        struct thrumi_hub *now = was == NULL ? hub : THRUMI_CLAIM_SEVERAL;

        /* acq_rel: pairs with the exchange in thrumi_claim_take() */
        if (atomic_compare_exchange_weak_explicit(
                word, &was, now, memory_order_acq_rel, memory_order_relaxed))
            break;
    }
    return true;
}

bool thrumi_claim_add(int fd, struct thrumi_hub *hub)
{
    unsigned number = (unsigned)fd;
    claim_word *page;

    if (number >= CLAIM_PAGE * CLAIM_PAGES)
        return true;
    /* acquire: pairs with the exchange that put it there */
    page = atomic_load_explicit(&claims[number / CLAIM_PAGE],
                                memory_order_acquire);
    if (thrumi_unlikely(page == NULL))
        page = claim_page_make(&claims[number / CLAIM_PAGE]);
    if (page == NULL)
        return false;
    return claim_word_take(&page[number % CLAIM_PAGE], hub);
}

struct thrumi_hub *thrumi_claim_take(int fd)
{
    unsigned number = (unsigned)fd;
    claim_word *page;

    if (number >= CLAIM_PAGE * CLAIM_PAGES)
        return THRUMI_CLAIM_SEVERAL;
    page = atomic_load_explicit(&claims[number / CLAIM_PAGE],
                                memory_order_acquire);
    if (page == NULL)
        return NULL;
    /* acq_rel: pairs with the exchange in claim_word_take() */
    return atomic_exchange_explicit(&page[number % CLAIM_PAGE], NULL,
                                    memory_order_acq_rel);
}
