/* SPDX-License-Identifier: MIT */
/*
 * consumer.c - a generator that is given values: a running average.
 *
 * send() makes the yield at which it stands return a value. The first next()
 * brings it to that yield: before, there is nothing that could take one.
 */
#include "check.h"

/* doc: average */
static void *average(void *arg)
{
    double sum = 0, mean = 0;
    void *number;
    int count = 0;

    while (thrum_yield(&mean, &number) == 0) {
        if (number == NULL)
            continue; /* next() sends NULL */
        sum += *(double *)number;
        mean = sum / ++count;
    }
    return thrum_return(&count, sizeof(count)); /* closed: how many it had */
}
/* doc: end */

/* doc: send */
int main(void)
{
    double numbers[] = {4, 8, 3, 9};
    thrum_generator *consumer;
    void *mean, *count;

    CHECK(thrum_generator_new(average, NULL, 0, NULL, &consumer));
    CHECK(thrum_generator_next(consumer, NULL)); /* up to the first yield */
    for (int i = 0; i < 4; i++) {
        CHECK(thrum_generator_send(consumer, &numbers[i], &mean));
        printf("with %g the average is %g\n", numbers[i], *(double *)mean);
    }
    CHECK(thrum_generator_close(consumer, &count));
    printf("it had %d numbers\n", *(int *)count);
    thrum_generator_unref(consumer);
    return 0;
}
/* doc: end */
