/* SPDX-License-Identifier: MIT */
/*
 * select.c - one loop that serves several queues.
 *
 * The counter adds what it is sent, and tells the sum to whoever asks: asking
 * is getting from a channel into which it always tries to put. It ends when the
 * queue of numbers is closed.
 */
#include "check.h"

/* doc: loop */
struct counter {
    thrum_queue *numbers;
    thrum_queue *sums; /* a channel */
};

static void *count(void *arg)
{
    struct counter *counter = arg;
    intptr_t sum = 0;

    for (;;) {
        thrum_select_case cases[] = {
            thrum_select_get(counter->numbers),
            thrum_select_put(counter->sums, (void *)sum),
        };
        int which = CHECK(thrum_select(cases, 2, THRUM_FOREVER));

        if (which == 0 && cases[0].rc == THRUM_ECLOSED)
            return thrum_return(&sum, sizeof(sum));
        if (which == 0)
            sum += (intptr_t)cases[0].item;
    }
}
/* doc: end */

/* doc: ask */
static intptr_t ask(struct counter *counter)
{
    void *sum;

    CHECK(thrum_queue_get(counter->sums, THRUM_FOREVER, &sum));
    return (intptr_t)sum;
}
/* doc: end */

/* doc: look */
/* What is there already, without waiting. */
static bool has_number(struct counter *counter)
{
    thrum_select_case cases[] = {thrum_select_get(counter->numbers)};

    return thrum_select(cases, 1, THRUM_NOW) == 0 && cases[0].rc == 0;
}
/* doc: end */

/* doc: either */
/* A task's end, or the time at which patience does. */
static void await(thrum_future *future)
{
    thrum_select_case cases[] = {
        thrum_select_future(future),
        thrum_select_timer(thrum_in_s(60)),
    };

    if (CHECK(thrum_select(cases, 2, THRUM_FOREVER)) == 0)
        printf("the counter has ended\n");
    else
        printf("the counter is still at it\n");
}
/* doc: end */

int main(void)
{
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    struct counter counter;
    thrum_executor *pool;
    thrum_future *future;
    void *sum;

    CHECK(thrum_queue_new(NULL, &counter.numbers));
    options.kind = THRUM_QUEUE_CHANNEL;
    CHECK(thrum_queue_new(&options, &counter.sums));
    printf("a number before it began: %s\n",
           has_number(&counter) ? "yes" : "no");

    CHECK(thrum_thread_pool_new(NULL, &pool));
    CHECK(thrum_executor_submit(pool, count, &counter, 0, &future));
    printf("the sum at first: %d\n", (int)ask(&counter));
    for (intptr_t i = 1; i <= 10; i++)
        CHECK(thrum_queue_put(counter.numbers, (void *)i, THRUM_FOREVER));
    thrum_queue_close(counter.numbers);
    await(future);
    CHECK(thrum_future_result(future, THRUM_FOREVER, &sum));
    printf("the sum in the end: %d\n", (int)*(intptr_t *)sum);

    thrum_future_unref(future);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    thrum_queue_free(counter.numbers);
    thrum_queue_free(counter.sums);
    return 0;
}
