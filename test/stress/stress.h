/* SPDX-License-Identifier: MIT */
/*
 * test/stress/stress.h - seeds, spans and random numbers of stress tests.
 */
#ifndef TEST_STRESS_H
#define TEST_STRESS_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <thrum.h>

#include "thrum_test.h"

static inline uint64_t stress_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

/* THRUM_STRESS_SEED, or one from the clock; printed, to run it again. */
static inline uint64_t stress_seed(void)
{
    uint64_t seed =
        stress_number("THRUM_STRESS_SEED", (uint64_t)thrum_now().ns);

    fprintf(stderr, "# THRUM_STRESS_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* When to stop: after THRUM_STRESS_SECONDS. */
static inline thrum_time stress_end(unsigned seconds)
{
    return thrum_in_s((int64_t)stress_number("THRUM_STRESS_SECONDS", seconds));
}

static inline bool stress_is_over(thrum_time end)
{
    return thrum_now().ns >= end.ns;
}

/* xorshift64*: the high half is good enough. */
static inline unsigned stress_random(uint64_t *state, unsigned below)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (unsigned)((*state * 2685821657736338717ull) >> 33) % below;
}

#endif /* TEST_STRESS_H */
