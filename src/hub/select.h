/* SPDX-License-Identifier: MIT */
/*
 * hub/select.h - a select from inside: what it does (select.c), and what each
 * kind of case is to it (select_case.c).
 */
#ifndef THRUMI_HUB_SELECT_H
#define THRUMI_HUB_SELECT_H

#include <stdatomic.h>

#include <thrum/select.h>

#include "hub/poller.h"
#include "hub/queue.h"

struct thrumi_select {
    atomic_uint claim; /* case i is i + 1; see task/waitlist.h */
    atomic_uint fired; /* nodes whose future's wake is over */
    struct thrumi_parking parking;
    thrum_time until; /* the deadline, or the first timer */
    int timer;        /* that one's index, or -1 */
    int n;            /* how many cases and nodes there are */
    int queues;       /* how many of them are about queues */
    int polled;       /* and about descriptors */
    unsigned start;   /* the case that is looked at first */
    struct thrumi_select_node *nodes;
    struct thrumi_select_node **order; /* those of queues, by address */
};

struct thrumi_select_node {
    struct thrumi_queue_node queue; /* its waiter is for all kinds */
    struct thrumi_select *select;
    thrum_select_case *of;
    bool listens;                /* is on a list of a future or event */
    struct thrumi_poller poller; /* of a descriptor */
};

static inline bool thrumi_case_is_of_queue(const thrum_select_case *of)
{
    return of->kind == THRUM_SELECT_PUT || of->kind == THRUM_SELECT_GET;
}

/* 0, or why the case cannot be waited for. */
int thrumi_case_check(const thrum_select_case *of);
/* Gets its node ready, whose waiter is. */
void thrumi_case_init(struct thrumi_select_node *node);
/* Asks, with no lock held, what can only be asked so. */
void thrumi_case_look(struct thrumi_select_node *node);
/* Does it, if it can be done now, with its queue's lock held: what came of it,
 * or THRUMI_QUEUE_WAIT. */
int thrumi_case_try(struct thrumi_select_node *node,
                    struct thrumi_queue_woken *woken);
/* The list on which a queue has it. */
struct thrumi_waitlist *thrumi_case_list(struct thrumi_select_node *node);
/* Puts it on the list of what is not a queue; false: it is ready, as `rc` of
 * the queue's node says. */
bool thrumi_case_listen(struct thrumi_select_node *node);
/* Takes it off whatever list it is on; what it was given stays in it. True: a
 * future is about to wake it. */
bool thrumi_case_leave(struct thrumi_select_node *node);
/* The case was claimed and done: its rc and item. */
void thrumi_case_served(struct thrumi_select_node *node);
/* Lets go of what the wait needed. */
void thrumi_case_fini(struct thrumi_select_node *node);

#endif /* THRUMI_HUB_SELECT_H */
