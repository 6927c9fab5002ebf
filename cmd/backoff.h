/* SPDX-License-Identifier: MIT */
/*
 * backoff.h - the pauses between attempts.
 */
#ifndef BACKOFF_H
#define BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS   30000

struct backoff {
    uint64_t random; /* state of the generator */
    int ms;          /* the longest that the next pause may be */
};

/* `seed` sets the pauses of one URL apart from those of its neighbours. */
#define BACKOFF(seed)      \
 {                         \
  (seed), BACKOFF_FIRST_MS \
 }

/* How long the next pause is, in ms: half of an amount that doubles each time,
 * and a random part of the other half. So those that failed together do not
 * come back together. */
int backoff_next(struct backoff *backoff);

/* Sleeps through the next pause. False as soon as is_stopped(). */
bool backoff_sleep(struct backoff *backoff, bool (*is_stopped)(void));

#endif /* BACKOFF_H */
