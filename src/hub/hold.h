/* SPDX-License-Identifier: MIT */
/*
 * hub/hold.h - a greenlet that holds its hub: who, what, where.
 */
#ifndef THRUMI_HUB_HOLD_H
#define THRUMI_HUB_HOLD_H

#include <thrum/monitor.h>

#include "coro/sight.h"
#include "hub/watch.h"

#define THRUMI_HOLD_FRAMES 64
#define THRUMI_HOLD_STACK  (64u * 1024) /* of it, searched for frames */

/* What is known of it. Large: not for a stack. */
struct thrumi_hold {
    thrum_hold told; /* what the callback is given; it points into this */
    struct thrumi_sight sight;
    char call[32];
    void *frames[THRUMI_HOLD_FRAMES];
    char stack[THRUMI_HOLD_STACK];
};

/* Looks at who has held the hub since its progress was this, and whose thread is
 * asked by the signal, if that is not 0. False: nobody does any more. */
bool thrumi_hold_take(struct thrumi_watch *watch, uint64_t progress, int signal,
                      struct thrumi_hold *ret);

/* Writes it, a line at a time. */
void thrumi_hold_write(const thrum_hold *told, void (*line)(const char *text));

#endif /* THRUMI_HUB_HOLD_H */
