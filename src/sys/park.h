/* SPDX-License-Identifier: MIT */
/*
 * sys/park.h - sleeping on a word, and waking who sleeps on it.
 */
#ifndef THRUMI_SYS_PARK_H
#define THRUMI_SYS_PARK_H

#include <limits.h>
#include <stdatomic.h>

#include <thrum/base.h>

/* Sleeps while `*word` is `expected`, to the deadline. May return early for no
 * reason: callers loop. Returns 0 or -ETIMEDOUT. */
int thrumi_park_word(atomic_uint *word, unsigned expected, thrum_time deadline);

/* Wakes up to `count` that sleep on the word. Only its address is used, so it
 * may be called after the word has gone. Async-signal-safe. */
void thrumi_wake_word(atomic_uint *word, int count);

/* The same for a word in memory that processes share. */
int thrumi_park_shared(atomic_uint *word, unsigned expected,
                       thrum_time deadline);
void thrumi_wake_shared(atomic_uint *word, int count);

/* One step of a spin loop: mostly a pause, every 4th step a sched_yield, so
 * that whoever is waited for gets this CPU if it has no other. */
void thrumi_spin(unsigned step);

/* How many steps a spin loop takes before it parks: it bridges a wake-up. */
#define THRUMI_SPIN_STEPS 120u

#endif /* THRUMI_SYS_PARK_H */
