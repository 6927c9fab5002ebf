/* SPDX-License-Identifier: MIT */
/*
 * select.c - one loop that serves several queues.
 *
 * The counter adds what it is sent, and tells the sum to whoever asks: asking
 * is getting from a channel into which it always tries to put. It ends when the
 * queue of numbers is closed.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

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

/* doc: descriptor */
/* What comes through a descriptor, up to its end or until it is to stop. */
static size_t count_bytes(int fd, thrum_event *stop)
{
    char buffer[256];
    size_t total = 0;
    ssize_t n;

    for (;;) {
        thrum_select_case cases[] = {
            thrum_select_fd(fd, POLLIN),
            thrum_select_event(stop),
        };

        if (CHECK(thrum_select(cases, 2, THRUM_FOREVER)) == 1)
            return total;
        n = read(fd, buffer, sizeof(buffer)); /* it will not wait */
        if (n <= 0)
            return total;
        total += (size_t)n;
    }
}
/* doc: end */

static void *say_hello(void *fd)
{
    ssize_t n = write(*(int *)fd, "hello", 5);

    close(*(int *)fd);
    return n == 5 ? NULL : thrum_raise(-EIO, "the pipe is broken");
}

static void show_descriptor(thrum_executor *pool)
{
    thrum_event stop = THRUM_EVENT_INIT;
    thrum_future *said;
    int ends[2];

    CHECK(pipe(ends));
    CHECK(thrum_executor_submit(pool, say_hello, &ends[1], 0, &said));
    printf("bytes: %d\n", (int)count_bytes(ends[0], &stop));
    CHECK(thrum_future_result(said, THRUM_FOREVER, NULL));
    thrum_future_unref(said);
    thrum_event_fini(&stop);
    close(ends[0]);
}

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

    show_descriptor(pool);
    thrum_future_unref(future);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    thrum_queue_free(counter.numbers);
    thrum_queue_free(counter.sums);
    return 0;
}
