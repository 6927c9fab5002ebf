/* SPDX-License-Identifier: MIT */
/*
 * hub/inbox.c - what other threads send to a hub.
 */
#include "hub/inbox.h"

enum {
    INBOX_EMPTY = 0,
    /* Smaller than any address. */
    INBOX_ASLEEP = 1,
    INBOX_CLOSED = 2,
};

void thrumi_inbox_init(struct thrumi_inbox *inbox)
{
    atomic_store_explicit(&inbox->pile, INBOX_EMPTY, memory_order_relaxed);
}

enum thrumi_sent thrumi_inbox_send(struct thrumi_inbox *inbox, uintptr_t ready)
{
    uintptr_t pile = atomic_load_explicit(&inbox->pile, memory_order_relaxed);

    do {
        if (pile == INBOX_CLOSED)
            return THRUMI_NOT_SENT;
        *thrumi_ready_next(ready) = pile == INBOX_ASLEEP ? INBOX_EMPTY : pile;
        /* release: pairs with the acquire in inbox_swap(); acquire: with the
         * release in thrumi_inbox_doze() */
    } while (!atomic_compare_exchange_weak_explicit(&inbox->pile, &pile, ready,
                                                    memory_order_acq_rel,
                                                    memory_order_relaxed));
    return pile == INBOX_ASLEEP ? THRUMI_SENT_RING : THRUMI_SENT;
}

bool thrumi_inbox_doze(struct thrumi_inbox *inbox)
{
    uintptr_t empty = INBOX_EMPTY;

    /* release: pairs with the acquire in thrumi_inbox_send() */
    return atomic_compare_exchange_strong_explicit(
        &inbox->pile, &empty, INBOX_ASLEEP, memory_order_release,
        memory_order_relaxed);
}

/* Puts a mark in place of the pile, and appends that in the order it came. */
static bool inbox_swap(struct thrumi_inbox *inbox, uintptr_t mark,
                       struct thrumi_ready_queue *queue)
{
    /* acquire: pairs with the release in thrumi_inbox_send() */
    uintptr_t pile =
        atomic_exchange_explicit(&inbox->pile, mark, memory_order_acq_rel);
    bool marked = pile == INBOX_ASLEEP;
    uintptr_t oldest = 0;

    while (pile > THRUMI_READY_KINDS) {
        uintptr_t *next = thrumi_ready_next(pile);
        uintptr_t rest = *next;

        *next = oldest;
        oldest = pile;
        pile = rest;
    }
    while (oldest != 0) {
        uintptr_t rest = *thrumi_ready_next(oldest);

        thrumi_ready_push(queue, oldest);
        oldest = rest;
    }
    return !marked;
}

bool thrumi_inbox_take(struct thrumi_inbox *inbox,
                       struct thrumi_ready_queue *queue)
{
    uintptr_t pile = atomic_load_explicit(&inbox->pile, memory_order_relaxed);

    if (pile == INBOX_EMPTY || pile == INBOX_CLOSED)
        return true;
    return inbox_swap(inbox, INBOX_EMPTY, queue);
}

void thrumi_inbox_close(struct thrumi_inbox *inbox,
                        struct thrumi_ready_queue *queue)
{
    (void)inbox_swap(inbox, INBOX_CLOSED, queue);
}
