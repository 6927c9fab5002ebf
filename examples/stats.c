/* SPDX-License-Identifier: MIT */
/*
 * stats.c - what a pool has done, and how long it took.
 *
 * Counters are exact once the pool is shut down. Times lie in histograms; by
 * default one task in 64 is timed, here all are. Times differ from run to run,
 * so they go to stderr.
 */
#include <errno.h>

#include "check.h"

#define COUNT 1000

static void *work(void *arg)
{
    if (*(int *)arg % 10 == 0)
        return thrum_raise(-EIO, "every tenth fails");
    return NULL;
}

/* doc: stats */
static void report(thrum_executor *pool)
{
    thrum_stats stats = THRUM_STATS;

    CHECK(thrum_executor_stats(pool, &stats));
    printf("done %d, failed %d, queued %d, running %d\n", (int)stats.done,
           (int)stats.failed, (int)stats.queued, (int)stats.running);
    printf("timed %d\n", (int)stats.run.count);
    fprintf(stderr, "99 of 100 ran shorter than %d ns\n",
            (int)thrum_histogram_quantile(&stats.run, 0.99));
}
/* doc: end */

int main(void)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool;
    thrum_future *future;

    options.stats_every = 1;
    CHECK(thrum_thread_pool_new(&options, &pool));
    for (int i = 0; i < COUNT; i++) {
        CHECK(thrum_executor_submit(pool, work, &i, sizeof(i), &future));
        thrum_future_unref(future); /* detached: it runs all the same */
    }
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    report(pool);
    thrum_executor_unref(pool);
    return 0;
}
