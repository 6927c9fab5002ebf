/* SPDX-License-Identifier: MIT */
/*
 * generator.c - a function that gives one value after the other.
 *
 * It stands still at each yield, on a stack of its own, so its loop and its
 * variables are there when the next value is asked for. It may end: with a
 * result, or with an error. It need not: whoever has had enough drops it.
 */
#include <errno.h>

#include "check.h"

/* doc: countdown */
static void *countdown(void *from)
{
    int n = *(int *)from;

    while (n > 0 && thrum_yield(&n, NULL) == 0)
        n--;
    return NULL;
}
/* doc: end */

/* doc: each */
static void count_down(int from)
{
    thrum_generator *numbers;
    int rc;

    CHECK(thrum_generator_new(countdown, &from, sizeof(from), NULL, &numbers));
    THRUM_EACH(int, n, numbers, rc)
        printf("%d\n", *n);
    printf("%s\n", thrum_strerror(rc)); /* THRUM_ESTOP: no more items */
    thrum_generator_unref(numbers);
}
/* doc: end */

/* doc: endless */
static void *powers_of_two(void *arg)
{
    for (int n = 1; THRUM_YIELD(int, 1 << n) == 0; n++)
        ;
    return NULL; /* no end of its own: it is closed */
}

static void first_above(int limit)
{
    thrum_generator *powers;
    int rc;

    CHECK(thrum_generator_new(powers_of_two, NULL, 0, NULL, &powers));
    THRUM_EACH(int, power, powers, rc) {
        if (*power > limit) {
            printf("%d is above %d\n", *power, limit);
            break;
        }
    }
    thrum_generator_unref(powers); /* this is what closes it */
}
/* doc: end */

/* doc: ends */
static void *halves(void *arg)
{
    int n = *(int *)arg, steps = 0;

    for (; n > 1; n /= 2, steps++)
        if (n % 2 != 0)
            return thrum_raise(-EDOM, "%d has no half", n);
        else if (thrum_yield(&n, NULL) != 0)
            return NULL;
    return thrum_return(&steps, sizeof(steps));
}

static void halve(int from)
{
    thrum_generator *numbers;
    void *n;
    int rc;

    CHECK(thrum_generator_new(halves, &from, sizeof(from), NULL, &numbers));
    while ((rc = thrum_generator_next(numbers, &n)) == 0)
        printf("%d ", *(int *)n);
    if (rc == THRUM_ESTOP)
        printf("took %d steps\n", *(int *)n); /* what it has returned */
    else if (rc == THRUM_EFAILED)
        printf("and %s\n", thrum_generator_error(numbers)->message);
    thrum_generator_unref(numbers);
}
/* doc: end */

int main(void)
{
    count_down(3);
    first_above(1000);
    halve(32);
    halve(40);
    return 0;
}
