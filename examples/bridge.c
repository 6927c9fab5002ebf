/* SPDX-License-Identifier: MIT */
/*
 * bridge.c - one queue between greenlets, a thread and a pool.
 *
 * The greenlets take orders and have the pool work on them, each waiting for a
 * future of the pool while the others go on. A thread of its own gives the
 * orders, and waits for the greenlets. Neither knows what the other is.
 */
#include <pthread.h>

#include "check.h"

struct shop {
    thrum_queue *orders;
    thrum_queue *bills; /* futures of the pool, settled */
    thrum_executor *pool;
    thrum_future *clerks[2];
};

static void *price_of(void *order)
{
    intptr_t cents = (intptr_t)order * 100;

    return thrum_return(&cents, sizeof(cents));
}

/* doc: clerk */
/* A greenlet that waits for a pool's future. */
static void *clerk(void *arg)
{
    struct shop *shop = arg;
    thrum_future *price;
    void *order;

    while (thrum_queue_get(shop->orders, THRUM_FOREVER, &order) == 0) {
        CHECK(thrum_executor_submit(shop->pool, price_of, order, 0, &price));
        CHECK(thrum_future_result(price, THRUM_FOREVER, NULL));
        CHECK(thrum_queue_put(shop->bills, price, THRUM_FOREVER));
    }
    return NULL;
}
/* doc: end */

/* doc: customer */
/* A thread that waits for the futures of greenlets. */
static void *customer(void *arg)
{
    struct shop *shop = arg;
    intptr_t total = 0;
    void *price, *cents;

    for (intptr_t i = 1; i <= 10; i++)
        CHECK(thrum_queue_put(shop->orders, (void *)i, THRUM_FOREVER));
    thrum_queue_close(shop->orders); /* the clerks end when it is empty */
    for (int i = 0; i < 2; i++)
        CHECK(thrum_future_result(shop->clerks[i], THRUM_FOREVER, NULL));

    while (thrum_queue_get(shop->bills, THRUM_NOW, &price) == 0) {
        CHECK(thrum_future_result(price, THRUM_NOW, &cents));
        total += *(intptr_t *)cents;
        thrum_future_unref(price);
    }
    printf("to be paid: %d\n", (int)total);
    return NULL;
}
/* doc: end */

/* doc: open */
static void open_shop(struct shop *shop)
{
    pthread_t thread;

    for (int i = 0; i < 2; i++)
        CHECK(thrum_spawn(clerk, shop, 0, &shop->clerks[i]));
    CHECK(-pthread_create(&thread, NULL, customer, shop));
    CHECK(thrum_join_all(shop->clerks, 2, THRUM_FOREVER)); /* they run here */
    CHECK(-pthread_join(thread, NULL));
}
/* doc: end */

int main(void)
{
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    struct shop shop;

    options.limit = 3;
    CHECK(thrum_queue_new(&options, &shop.orders));
    CHECK(thrum_queue_new(NULL, &shop.bills));
    CHECK(thrum_thread_pool_new(NULL, &shop.pool));
    open_shop(&shop);

    for (int i = 0; i < 2; i++)
        thrum_future_unref(shop.clerks[i]);
    CHECK(thrum_executor_shutdown(shop.pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(shop.pool);
    thrum_queue_free(shop.orders);
    thrum_queue_free(shop.bills);
    return 0;
}
