/* SPDX-License-Identifier: MIT */
/*
 * epoll_loop.c - results of a pool inside a plain epoll loop.
 *
 * A set of futures has a descriptor that polls as readable while a settled
 * future lies in it. The loop watches it beside its own descriptors, here a
 * timer, and never blocks in Thrum: each next is THRUM_NOW.
 */
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "check.h"

#define COUNT 5

static void *square(void *arg)
{
    int n = *(int *)arg * *(int *)arg;

    return thrum_return(&n, sizeof(n));
}

/* doc: drain */
/* Takes whatever has settled; false when the set is empty. */
static bool take_results(thrum_future_set *set, int *total)
{
    thrum_future *future;
    void *result;
    int rc;

    while ((rc = thrum_future_set_next(set, THRUM_NOW, &future)) == 0) {
        CHECK(thrum_future_result(future, THRUM_NOW, &result));
        *total += *(int *)result;
        thrum_future_unref(future);
    }
    return rc != THRUM_ESTOP; /* else -ETIMEDOUT: none is ready now */
}
/* doc: end */

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        perror("epoll_ctl");
}

/* doc: loop */
static void loop(int epoll, int timer, thrum_future_set *set)
{
    bool work = true, ticked = false;
    struct epoll_event event;
    uint64_t ticks;
    int total = 0;

    watch(epoll, CHECK(thrum_future_set_fd(set)));
    while (work || !ticked) {
        if (epoll_wait(epoll, &event, 1, -1) != 1)
            continue;
        if (event.data.fd != timer)
            work = take_results(set, &total);
        else if (read(timer, &ticks, sizeof(ticks)) == sizeof(ticks))
            ticked = true;
    }
    printf("total %d, and the timer ticked\n", total);
}
/* doc: end */

static void run(thrum_executor *pool, int epoll, int timer)
{
    struct itimerspec soon = {.it_value = {.tv_nsec = 20 * 1000 * 1000}};
    thrum_future_set *set;
    thrum_future *future;

    CHECK(thrum_future_set_new(&set));
    for (int i = 0; i < COUNT; i++) {
        CHECK(thrum_executor_submit(pool, square, &i, sizeof(i), &future));
        CHECK(thrum_future_set_add(set, future));
        thrum_future_unref(future); /* the set has its own reference */
    }
    timerfd_settime(timer, 0, &soon, NULL);
    watch(epoll, timer);
    loop(epoll, timer, set);
    thrum_future_set_free(set);
}

int main(void)
{
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    thrum_executor *pool;

    if (epoll < 0 || timer < 0)
        return 1;
    CHECK(thrum_thread_pool_new(NULL, &pool));
    run(pool, epoll, timer);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    close(timer);
    close(epoll);
    return 0;
}
