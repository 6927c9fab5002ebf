/* SPDX-License-Identifier: MIT */
/*
 * generator_map.c - a generator makes the work, a pool does it.
 *
 * The generator runs in the thread that asks for results, and only as far as
 * the map's buffer goes; the pool's threads get copies of what it yields.
 */
#include "check.h"

/* doc: map */
static void *odd_numbers(void *upto)
{
    for (int n = 3; n < *(int *)upto; n += 2)
        if (thrum_yield(&n, NULL) != 0)
            break;
    return NULL;
}

static void *if_prime(void *arg)
{
    int n = *(int *)arg;

    for (int d = 3; d * d <= n; d += 2)
        if (n % d == 0)
            return NULL;
    return thrum_return(&n, sizeof(n));
}

static void print_primes(thrum_executor *pool, int upto)
{
    thrum_generator *numbers;
    thrum_iter *items, *primes;
    void *prime;
    int rc;

    CHECK(
        thrum_generator_new(odd_numbers, &upto, sizeof(upto), NULL, &numbers));
    CHECK(thrum_generator_iter(numbers, sizeof(int), &items));
    thrum_generator_unref(numbers); /* the iterator holds it */
    CHECK(thrum_executor_map(pool, if_prime, items, NULL, &primes));
    while ((rc = thrum_iter_next(primes, &prime)) == 0)
        if (prime != NULL)
            printf("%d\n", *(int *)prime);
    if (rc != THRUM_ESTOP)
        printf("failed: %s\n", thrum_strerror(rc));
    thrum_iter_free(primes);
}
/* doc: end */

int main(void)
{
    thrum_executor *pool;

    CHECK(thrum_thread_pool_new(NULL, &pool));
    print_primes(pool, 40);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    return 0;
}
