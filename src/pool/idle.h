/* SPDX-License-Identifier: MIT */
/*
 * pool/idle.h - who sleeps, and who is woken.
 *
 * The protocol by which a submitter never has to wake anybody needlessly, and
 * no task ever lies in a queue while all sleep:
 *
 *   submitter  puts the task into a queue, fence, and wakes one sleeper if
 *              there is one and nobody is searching
 *   sleeper    puts itself on the list, gives up its token, fence, looks at
 *              the queues again, sleeps
 *
 * `searching` counts the workers that are awake and look for work: those that
 * were woken and have found none yet, and those that poll before they sleep.
 * While there is one, no other is woken: it will find the task. When a
 * searcher finds work it gives up its token and, if there is more, wakes the
 * next one (the wake is passed on).
 *
 * The list is last in, first out: the one that slept least has the warmest
 * cache.
 */
#ifndef THRUMI_POOL_IDLE_H
#define THRUMI_POOL_IDLE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <thrum/base.h>

#include "base/list.h"
#include "sys/mutex.h"

struct thrumi_idle {
    _Alignas(THRUMI_CACHE_LINE) atomic_uint parked; /* length of the list */
    atomic_uint searching;
    struct thrumi_mutex lock;
    struct thrumi_link sleepers; /* guarded by lock */
};

struct thrumi_sleeper {
    struct thrumi_link link; /* guarded by the idle's lock */
    atomic_uint word;        /* see idle.c */
};

void thrumi_idle_init(struct thrumi_idle *idle);
void thrumi_sleeper_init(struct thrumi_sleeper *sleeper);

/* Submitter, after the task is in its queue and a fence on `parked`, which
 * pairs with the one in thrumi_idle_list(): is somebody to be woken? True:
 * the caller has a token and must use it (thrumi_idle_wake_one(), or a new
 * thread) or give it up (thrumi_idle_stop_search()). `may_grow`: a new thread
 * would do if nobody sleeps. */
bool thrumi_idle_want_wake(struct thrumi_idle *idle, bool may_grow);
/* Wakes the one that slept least, which gets the token; false: none sleeps. */
bool thrumi_idle_wake_one(struct thrumi_idle *idle);

/* Worker: starts to search, if fewer than `most` do. */
bool thrumi_idle_start_search(struct thrumi_idle *idle, unsigned most);
/* Gives the token up; true if it was the last. */
bool thrumi_idle_stop_search(struct thrumi_idle *idle);
/* Has anybody a token beside the caller? */
bool thrumi_idle_others_search(struct thrumi_idle *idle);

/* Worker: goes on the list. Then it gives up its token, if it has one, and
 * looks at the queues again; the fence is in here. */
void thrumi_idle_list(struct thrumi_idle *idle, struct thrumi_sleeper *sleeper,
                      bool searching);
/* Worker: comes off the list; false: somebody has taken it off, and the token
 * is on its way. */
bool thrumi_idle_unlist(struct thrumi_idle *idle,
                        struct thrumi_sleeper *sleeper);
/* Worker: sleeps. True: it was woken by one who left it the token; false: it
 * was kicked, or it is past the deadline (`*ret_expired`), and it is not on the
 * list any more. */
bool thrumi_idle_sleep(struct thrumi_idle *idle, struct thrumi_sleeper *sleeper,
                       thrum_time deadline, bool *ret_expired);
/* Waits for the token that is on its way. */
void thrumi_idle_await_token(struct thrumi_sleeper *sleeper);

/* Makes a sleeper, or one about to sleep, look around. Async-signal-safe. */
void thrumi_idle_kick(struct thrumi_sleeper *sleeper);

#endif /* THRUMI_POOL_IDLE_H */
