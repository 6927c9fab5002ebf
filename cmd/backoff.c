/* SPDX-License-Identifier: MIT */
/*
 * backoff.c - the pauses between attempts.
 *
 * The sleep is cut into slices, because a task can be asked to stop in two
 * ways: by Ctrl-C, which ends a slice at once, and by a cancel of its future,
 * which has no descriptor to poll.
 */
#include "backoff.h"

#include "interrupt.h"

#define BACKOFF_SLICE_MS 50

/* SplitMix64: small, seeded, and good enough to spread pauses. */
static uint64_t backoff_random(struct backoff *backoff)
{
    uint64_t mixed = backoff->random += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

int backoff_next(struct backoff *backoff)
{
    int half = backoff->ms / 2;
    int pause = half + (int)(backoff_random(backoff) % (unsigned)(half + 1));

    if (backoff->ms < BACKOFF_MAX_MS)
        backoff->ms *= 2;
    if (backoff->ms > BACKOFF_MAX_MS)
        backoff->ms = BACKOFF_MAX_MS;
    return pause;
}

bool backoff_sleep(struct backoff *backoff, bool (*is_stopped)(void))
{
    int left = backoff_next(backoff);

    while (left > 0 && !is_stopped()) {
        int slice = left < BACKOFF_SLICE_MS ? left : BACKOFF_SLICE_MS;

        interrupt_sleep(slice);
        left -= slice;
    }
    return !is_stopped();
}
