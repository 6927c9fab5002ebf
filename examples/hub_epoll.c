/* SPDX-License-Identifier: MIT */
/*
 * hub_epoll.c - greenlets inside of a program that has its own epoll loop.
 *
 * The loop watches the hub's descriptor beside its own, here a timer, waits no
 * longer than to the hub's next timer, and lets the hub have a turn after each
 * wait.
 */
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "check.h"

#define TICKS 5

static void *count(void *arg)
{
    int *counted = arg;

    for (int i = 0; i < 10; i++) {
        CHECK(thrum_sleep(thrum_in_ms(1)));
        ++*counted;
    }
    return NULL;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        perror("epoll_ctl");
}

/* Milliseconds to a time, rounded up, as epoll_wait() wants them. */
static int wait_ms(thrum_time until)
{
    int64_t left = until.ns - thrum_now().ns;

    if (until.ns == INT64_MAX)
        return -1;
    return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

/* doc: loop */
static void loop(int epoll, int timer, thrum_future *greenlet)
{
    struct epoll_event event;
    thrum_time next;
    uint64_t ticks;
    int ticked = 0;

    watch(epoll, timer);
    watch(epoll, CHECK(thrum_hub_fd()));
    while (ticked < TICKS || !thrum_future_done(greenlet)) {
        CHECK(thrum_hub_next(&next));
        if (epoll_wait(epoll, &event, 1, wait_ms(next)) == 1 &&
            event.data.fd == timer &&
            read(timer, &ticks, sizeof(ticks)) == sizeof(ticks))
            ticked++;
        CHECK(thrum_hub_turn(THRUM_NOW));
    }
}
/* doc: end */

int main(void)
{
    struct itimerspec every = {.it_value.tv_nsec = 1000000,
                               .it_interval.tv_nsec = 1000000};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    thrum_future *greenlet;
    int counted = 0;

    timerfd_settime(timer, 0, &every, NULL);
    CHECK(thrum_spawn(count, &counted, 0, &greenlet));
    loop(epoll, timer, greenlet);
    printf("counted to %d beside the loop's own timer\n", counted);
    thrum_future_unref(greenlet);
    close(timer);
    close(epoll);
    return 0;
}
