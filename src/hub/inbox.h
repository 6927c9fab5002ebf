/* SPDX-License-Identifier: MIT */
/*
 * hub/inbox.h - what other threads send to a hub.
 *
 * One word: a pile of what was sent, the newest first, or one of two marks.
 *
 *     0        empty, and the hub is awake: it will look
 *     ASLEEP   empty, and whoever sends something has to ring
 *     CLOSED   nobody will look any more
 *
 * The hub goes to sleep by one compare-and-swap from empty, and whoever sends
 * takes the mark away with the same exchange that adds to the pile, so it rings
 * exactly when it must, and no fence is needed.
 *
 * Memory-order partners: send releases what was sent, take acquires it; doze
 * releases what the hub has set up for whoever rings, and send acquires that.
 */
#ifndef THRUMI_HUB_INBOX_H
#define THRUMI_HUB_INBOX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "hub/ready.h"

struct thrumi_inbox {
    _Atomic uintptr_t pile;
};

enum thrumi_sent {
    THRUMI_SENT,      /* it will be found */
    THRUMI_SENT_RING, /* the hub sleeps: wake it */
    THRUMI_NOT_SENT,  /* the hub has ended */
};

void thrumi_inbox_init(struct thrumi_inbox *inbox);

/* Sends something; from any thread. */
enum thrumi_sent thrumi_inbox_send(struct thrumi_inbox *inbox, uintptr_t ready);

/* Marks the hub as asleep. False: something has come. */
bool thrumi_inbox_doze(struct thrumi_inbox *inbox);

/* Appends all that was sent to the queue, the oldest first; the hub is awake
 * again. False: it had dozed, and nobody has taken the mark away. */
bool thrumi_inbox_take(struct thrumi_inbox *inbox,
                       struct thrumi_ready_queue *queue);

/* Lets nothing in any more; what came before is appended. */
void thrumi_inbox_close(struct thrumi_inbox *inbox,
                        struct thrumi_ready_queue *queue);

static inline bool thrumi_inbox_has(struct thrumi_inbox *inbox)
{
    /* relaxed: a look; whoever takes it acquires */
    return atomic_load_explicit(&inbox->pile, memory_order_relaxed) >
           THRUMI_READY_KINDS;
}

#endif /* THRUMI_HUB_INBOX_H */
