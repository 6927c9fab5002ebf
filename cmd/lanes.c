/* SPDX-License-Identifier: MIT */
/*
 * lanes.c - who fetched it: the lanes of a timeline.
 *
 * Threads number themselves. Greenlets take a lane for as long as a transfer
 * takes, so there are as many as work at once. Processes are known by their
 * numbers, and one that takes the place of another gets its lane.
 */
#include "lanes.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

int lanes_init(struct lanes *lanes, int64_t run, size_t n)
{
    lanes->run = run;
    lanes->n = n;
    lanes->untaken = 0;
    atomic_init(&lanes->next, 0);
    lanes->each = calloc(n, sizeof(*lanes->each));
    return lanes->each != NULL ? 0 : -ENOMEM;
}

void lanes_fini(struct lanes *lanes)
{
    free(lanes->each);
    lanes->each = NULL;
}

int lanes_of_thread(struct lanes *lanes)
{
    static _Thread_local int64_t run;
    static _Thread_local int lane;

    if (run != lanes->run) {
        run = lanes->run;
        lane = atomic_fetch_add(&lanes->next, 1);
    }
    return lane;
}

int lanes_take(struct lanes *lanes)
{
    int lane = lanes->untaken;

    while (lanes->each[lane].taken)
        lane++;
    lanes->each[lane].taken = true;
    lanes->untaken = lane + 1;
    return lane;
}

void lanes_release(struct lanes *lanes, int lane)
{
    lanes->each[lane].taken = false;
    if (lanes->untaken > lane)
        lanes->untaken = lane;
}

static bool lanes_is_free(const struct lane *lane)
{
    return lane->pid == 0 || kill(lane->pid, 0) < 0;
}

int lanes_of_process(struct lanes *lanes, int pid, long peak_kib)
{
    size_t i = 0;

    while (i < lanes->n && lanes->each[i].pid != pid)
        i++;
    if (i == lanes->n)
        for (i = 0; i + 1 < lanes->n && !lanes_is_free(&lanes->each[i]); i++)
            continue;
    lanes->each[i].pid = pid;
    if (lanes->each[i].peak_kib < peak_kib)
        lanes->each[i].peak_kib = peak_kib;
    return (int)i;
}

long lanes_peak_kib(const struct lanes *lanes)
{
    long sum = 0;

    for (size_t i = 0; lanes->each != NULL && i < lanes->n; i++)
        sum += lanes->each[i].peak_kib;
    return sum;
}
