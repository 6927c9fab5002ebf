/* SPDX-License-Identifier: MIT */
/*
 * crowd.c - a start signal, so many at a time, until all are done.
 */
#include <stdatomic.h>

#include "check.h"

/* doc: crowd */
static thrum_event start = THRUM_EVENT_INIT;
static thrum_semaphore seats = THRUM_SEMAPHORE_INIT(2, 2);
static thrum_waitgroup guests = THRUM_WAITGROUP_INIT;
static thrum_once menu = THRUM_ONCE_INIT;
/* doc: end */

static atomic_int seated, most, printed;

/* doc: once */
static int print_menu(void *arg)
{
    printed++;
    return 0; /* else the next who comes has to do it */
}
/* doc: end */

static void eat(void)
{
    int now = ++seated;
    int before = most;

    while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
        ;
    seated--;
}

/* doc: guest */
static void *guest(void *arg)
{
    CHECK(thrum_event_wait(&start, THRUM_FOREVER));
    CHECK(thrum_once_call(&menu, print_menu, NULL, THRUM_FOREVER));
    CHECK(thrum_semaphore_acquire(&seats, THRUM_FOREVER));
    eat();
    CHECK(thrum_semaphore_release(&seats));
    thrum_waitgroup_done(&guests);
    return NULL;
}
/* doc: end */

int main(void)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool;

    options.max_workers = 6;
    CHECK(thrum_thread_pool_new(&options, &pool));
    /* doc: start */
    thrum_waitgroup_add(&guests, 6);
    for (int i = 0; i < 6; i++)
        CHECK(thrum_executor_submit(pool, guest, NULL, 0, NULL));
    thrum_event_set(&start);
    CHECK(thrum_waitgroup_wait(&guests, thrum_in_s(60)));
    /* doc: end */
    printf("never more than two: %s\n", most <= 2 ? "yes" : "no");
    printf("menus: %d\n", printed);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    return 0;
}
