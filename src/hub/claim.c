/* SPDX-License-Identifier: MIT */
/*
 * hub/claim.c - a word per descriptor, in pages that stay for ever.
 *
 * Numbers above those that the pages can hold count as everybody's.
 */
#include "hub/claim.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/container.h"
#include "sys/fork.h"
#include "sys/park.h"

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

/* The word; NULL: the number has none, or there is no memory. */
static claim_word *claim_word_of(int fd)
{
    unsigned number = (unsigned)fd;
    _Atomic(claim_word *) *at = &claims[number / CLAIM_PAGE % CLAIM_PAGES];
    claim_word *page;

    if (number >= CLAIM_PAGE * CLAIM_PAGES)
        return NULL;
    /* acquire: pairs with the exchange that put it there */
    page = atomic_load_explicit(at, memory_order_acquire);
    if (thrumi_unlikely(page == NULL))
        page = claim_page_make(at);
    return page == NULL ? NULL : &page[number % CLAIM_PAGE];
}

/* Marks; in a forked child those of the parent mean nothing. */
static struct thrumi_hub *claim_mark(uintptr_t mark)
{
    return (struct thrumi_hub *)((uintptr_t)thrumi_fork_generation() << 2 |
                                 mark);
}

/* Being closed. */
static struct thrumi_hub *claim_closing(void)
{
    return claim_mark(2);
}

/* Of a hub itself. */
static struct thrumi_hub *claim_kept(void)
{
    return claim_mark(3);
}

static bool claim_is_mark(const struct thrumi_hub *word)
{
    return ((uintptr_t)word & 2) != 0;
}

/* What a word that was `was` becomes. */
static struct thrumi_hub *claim_added(struct thrumi_hub *was,
                                      struct thrumi_hub *hub)
{
    if (was == NULL || was == hub || claim_is_mark(was))
        return hub;
    return THRUMI_CLAIM_SEVERAL;
}

bool thrumi_claim_add(int fd, struct thrumi_hub *hub)
{
    claim_word *word = claim_word_of(fd);
    struct thrumi_hub *was;
    unsigned step = 0;

    if (word == NULL)
        return (unsigned)fd >= CLAIM_PAGE * CLAIM_PAGES;
    /* relaxed: a look; whoever takes it away orders */
    was = atomic_load_explicit(word, memory_order_relaxed);
    while (was != hub && was != THRUMI_CLAIM_SEVERAL && was != claim_kept()) {
        if (thrumi_unlikely(was == claim_closing())) {
            thrumi_spin(step++);
            was = atomic_load_explicit(word, memory_order_relaxed);
            continue;
        }
        /* acq_rel: pairs with the exchange in thrumi_claim_take() and the store
         * in thrumi_claim_end() */
        if (atomic_compare_exchange_weak_explicit(
                word, &was, claim_added(was, hub), memory_order_acq_rel,
                memory_order_relaxed))
            break;
    }
    return true;
}

struct thrumi_hub *thrumi_claim_take(int fd)
{
    claim_word *word = claim_word_of(fd);
    struct thrumi_hub *was;

    if (word == NULL)
        return THRUMI_CLAIM_SEVERAL;
    /* relaxed: a look; the exchange orders */
    was = atomic_load_explicit(word, memory_order_relaxed);
    do {
        if (was == claim_kept())
            return THRUMI_CLAIM_KEPT;
        /* acq_rel: pairs with the exchange in thrumi_claim_add() */
    } while (!atomic_compare_exchange_weak_explicit(word, &was, claim_closing(),
                                                    memory_order_acq_rel,
                                                    memory_order_relaxed));
    return claim_is_mark(was) ? NULL : was;
}

void thrumi_claim_end(int fd)
{
    claim_word *word = claim_word_of(fd);
    struct thrumi_hub *closing = claim_closing();

    /* release: whoever claims it finds the number closed */
    if (word != NULL)
        (void)atomic_compare_exchange_strong_explicit(
            word, &closing, NULL, memory_order_release, memory_order_relaxed);
}

void thrumi_claim_keep(int fd)
{
    claim_word *word = claim_word_of(fd);

    if (word != NULL) /* relaxed: nobody else knows the number yet */
        atomic_store_explicit(word, claim_kept(), memory_order_relaxed);
}

void thrumi_claim_let_go(int fd)
{
    claim_word *word = claim_word_of(fd);
    struct thrumi_hub *kept = claim_kept();

    /* relaxed: as above */
    if (word != NULL)
        (void)atomic_compare_exchange_strong_explicit(
            word, &kept, NULL, memory_order_relaxed, memory_order_relaxed);
}
