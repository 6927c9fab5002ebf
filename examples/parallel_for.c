/* SPDX-License-Identifier: MIT */
/*
 * parallel_for.c - a loop over a range, cut up and run in parallel.
 *
 * The function gets a range, not an index, so the inner loop stays one that
 * the compiler can work on. Each range adds to the total once.
 */
#include <errno.h>
#include <stdatomic.h>

#include "check.h"

#define COUNT 1000000

/* doc: loop */
static int sum_squares(void *arg, size_t begin, size_t end)
{
    _Atomic uint64_t *total = arg;
    uint64_t sum = 0;

    for (size_t i = begin; i < end; i++)
        sum += (uint64_t)i * i;
    atomic_fetch_add(total, sum);
    return 0;
}

static void sum(thrum_executor *pool)
{
    _Atomic uint64_t total = 0;

    CHECK(thrum_parallel_for(pool, 0, COUNT, 0, sum_squares, &total));
    printf("sum of squares: %llu\n", (unsigned long long)total);
}
/* doc: end */

/* doc: stop */
static int find_hole(void *arg, size_t begin, size_t end)
{
    size_t *hole = arg;

    if (begin > 777777 || end <= 777777)
        return 0;
    *hole = 777777; /* one range alone has it */
    return -ENODATA;
}

static void search(thrum_executor *pool)
{
    size_t hole = 0;
    int rc = thrum_parallel_for(pool, 0, COUNT, 1000, find_hole, &hole);

    printf("hole at %zu: %s\n", hole, thrum_strerror(rc));
}
/* doc: end */

int main(void)
{
    thrum_executor *pool;

    CHECK(thrum_thread_pool_new(NULL, &pool));
    sum(pool);
    search(pool);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    return 0;
}
