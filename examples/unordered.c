/* SPDX-License-Identifier: MIT */
/*
 * unordered.c - a map with many small items, taken as they come.
 *
 * chunksize puts many items into one task, since a task costs more than a few
 * additions. unordered gives results in the order in which they are ready;
 * thrum_iter_index() says which item each belongs to. stop_on_error ends the
 * map at the first failure.
 */
#include <errno.h>

#include "check.h"

#define COUNT 10000

static void *collatz(void *arg)
{
    int64_t n = *(int64_t *)arg, steps = 0;

    for (; n > 1; steps++)
        n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    return thrum_return(&steps, sizeof(steps));
}

/* doc: chunks */
static void find_longest(thrum_executor *pool)
{
    thrum_map_options options = THRUM_MAP_OPTIONS;
    int64_t longest = 0, steps;
    thrum_iter *numbers, *results;
    size_t where = 0;
    void *result;

    options.chunksize = 250;
    options.unordered = true;
    CHECK(thrum_iter_range(0, COUNT, &numbers));
    CHECK(thrum_executor_map(pool, collatz, numbers, &options, &results));
    while (thrum_iter_next(results, &result) == 0) {
        steps = *(int64_t *)result;
        if (steps > longest) {
            longest = steps;
            where = thrum_iter_index(results);
        }
    }
    thrum_iter_free(results);
    printf("%zu needs %d steps\n", where, (int)longest);
}
/* doc: end */

static void *below_five(void *arg)
{
    if (*(int64_t *)arg >= 5)
        return thrum_raise(-ERANGE, "%d is too much", (int)*(int64_t *)arg);
    return NULL;
}

/* doc: stop */
static void stop_at_first(thrum_executor *pool)
{
    thrum_map_options options = THRUM_MAP_OPTIONS;
    thrum_iter *numbers, *results;
    void *result;
    int rc;

    options.stop_on_error = true;
    CHECK(thrum_iter_range(0, INT64_MAX, &numbers)); /* endless */
    CHECK(thrum_executor_map(pool, below_five, numbers, &options, &results));
    while ((rc = thrum_iter_next(results, &result)) == 0)
        ;
    if (rc == THRUM_EFAILED)
        printf("stopped: %s\n", thrum_iter_error(results)->message);
    rc = thrum_iter_next(results, &result);
    printf("and then: %s\n", thrum_strerror(rc));
    thrum_iter_free(results); /* cancels what has not begun */
}
/* doc: end */

int main(void)
{
    thrum_executor *pool;

    CHECK(thrum_thread_pool_new(NULL, &pool));
    find_longest(pool);
    stop_at_first(pool);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    return 0;
}
