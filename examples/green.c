/* SPDX-License-Identifier: MIT */
/*
 * green.c - three hundred waits at once, on one thread.
 */
#include "check.h"

/* doc: green */
/* Stands for a request: whoever waits lets the others go on. */
static void *request(void *arg)
{
    int n = *(int *)arg;

    CHECK(thrum_sleep(thrum_in_ms(n % 3)));
    n *= 2;
    return thrum_return(&n, sizeof(n));
}

static int sum_of_all(thrum_future **futures, int n)
{
    int sum = 0;

    for (int i = 0; i < n; i++)
        CHECK(thrum_spawn(request, &i, sizeof(i), &futures[i]));
    CHECK(thrum_join_all(futures, (size_t)n, THRUM_FOREVER));
    for (int i = 0; i < n; i++) {
        void *result = NULL;

        CHECK(thrum_future_result(futures[i], THRUM_NOW, &result));
        sum += *(int *)result;
        thrum_future_unref(futures[i]);
    }
    return sum;
}
/* doc: end */

int main(void)
{
    thrum_future *futures[300];

    printf("sum: %d\n", sum_of_all(futures, 300));
    return 0;
}
