/* SPDX-License-Identifier: MIT */
/*
 * offload.c - a call that blocks its thread, beside greenlets that go on.
 */
#include <stdio.h>
#include <unistd.h>

#include <thrum.h>

#include "check.h"

static int ticks;
static bool done;

static void *tick(void *arg)
{
    while (!done) {
        ticks++;
        CHECK(thrum_sleep(thrum_in_ms(5)));
    }
    return arg;
}

/* doc: offload */
/* Sleeps in the kernel, and knows of no hub. */
static void *slow(void *name)
{
    sleep(1);
    return name;
}

static void *ask(void *name)
{
    void *answer;

    CHECK(thrum_offload(slow, name, THRUM_FOREVER, &answer));
    printf("hello, %s\n", (char *)answer);
    return NULL;
}
/* doc: end */

int main(void)
{
    thrum_future *asking;
    thrum_future *ticking;

    CHECK(thrum_spawn(tick, NULL, 0, &ticking));
    CHECK(thrum_spawn(ask, "world", 0, &asking));
    CHECK(thrum_future_result(asking, THRUM_FOREVER, NULL));
    done = true;
    CHECK(thrum_future_result(ticking, THRUM_FOREVER, NULL));
    puts(ticks > 10 ? "others went on" : "nobody else went on");
    thrum_future_unref(asking);
    thrum_future_unref(ticking);
    return 0;
}
