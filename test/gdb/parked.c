/* SPDX-License-Identifier: MIT */
/*
 * test/gdb/parked.c - greenlets and generators that stand where gdb looks.
 *
 * Two threads, each with a main stack that runs a greenlet. The second thread
 * stops in wait_for_ever(); the first one then runs into all_is_parked(), where
 * the test has a breakpoint, inside of the greenlet "running".
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <thrum.h>
#include <thrum/generator.h>
#include <thrum/greenlet.h>

#define PARKED __attribute__((noinline))
#define GROUP  5

void all_is_parked(void);

static void must(int rc)
{
    if (rc == 0)
        return;
    fprintf(stderr, "%s\n", thrum_strerror(rc));
    exit(1);
}

/* So that no call is the last thing that its function does. */
static volatile int after;

/* ---- generators ---- */

static PARKED void count_from(int n)
{
    while (THRUM_YIELD(int, n) == 0)
        n++;
    after++;
}

static void *counter(void *arg)
{
    count_from(41);
    return NULL;
}

static void *outer(void *inner)
{
    must(thrum_yield_from(inner, NULL));
    after++;
    return NULL;
}

static thrum_generator *generator_new(thrum_fn *fn, void *arg, const char *name)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_generator *generator = NULL;

    options.name = name;
    must(thrum_generator_new(fn, arg, 0, &options, &generator));
    return generator;
}

/* ---- greenlets ---- */

static PARKED void park_here(void)
{
    must(thrum_greenlet_switch(thrum_greenlet_parent(thrum_greenlet_current()),
                               NULL, NULL));
    after++;
}

static PARKED void descend(int depth)
{
    if (depth == 0)
        park_here();
    else
        descend(depth - 1);
    after++;
}

static void *sleeper(void *arg)
{
    descend(3);
    return NULL;
}

static thrum_greenlet *greenlet_new(thrum_fn *fn, const char *name)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_greenlet *greenlet = NULL;

    options.name = name;
    must(thrum_greenlet_new(fn, NULL, &options, &greenlet));
    return greenlet;
}

static void park(const char *name)
{
    must(thrum_greenlet_switch(greenlet_new(sleeper, name), NULL, NULL));
}

/* ---- of a hub ---- */

static PARKED void waits_here(thrum_event *event)
{
    must(thrum_event_wait(event, THRUM_FOREVER));
    after++;
}

static void *waiter(void *event)
{
    waits_here(event);
    return NULL;
}

static void spawn_waiter(void)
{
    static thrum_event event;
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;

    options.name = "waiter";
    thrum_event_init(&event);
    must(thrum_spawn_with(waiter, &event, 0, &options, NULL));
    must(thrum_pass());
}

/* ---- the second thread ---- */

static pthread_barrier_t both;

static PARKED void wait_for_ever(void)
{
    pthread_barrier_wait(&both);
    for (;;)
        pause();
}

static void *other_runs(void *arg)
{
    wait_for_ever();
    return NULL;
}

static void *other_thread(void *arg)
{
    park("other parked");
    must(thrum_greenlet_switch(greenlet_new(other_runs, "other runs"), NULL,
                               NULL));
    return NULL;
}

/* ---- the first ---- */

PARKED void all_is_parked(void)
{
    __asm__ volatile("" ::: "memory");
}

static void *running(void *arg)
{
    all_is_parked();
    after++;
    return NULL;
}

/* Pulled by the greenlet "puller", and runs the greenlet "running". */
static PARKED void *pulled(void *arg)
{
    must(thrum_greenlet_switch(greenlet_new(running, "running"), NULL, NULL));
    return NULL;
}

static void *puller(void *arg)
{
    thrum_generator *generator = generator_new(pulled, NULL, "pulled");
    int rc = thrum_generator_next(generator, NULL);

    after += rc;
    return NULL;
}

int main(void)
{
    char name[24];
    pthread_t thread;

    must(-pthread_barrier_init(&both, NULL, 2));
    must(-pthread_create(&thread, NULL, other_thread, NULL));
    pthread_barrier_wait(&both);
    must(thrum_generator_next(generator_new(counter, NULL, "counter"), NULL));
    must(thrum_generator_next(
        generator_new(outer,
                      generator_new(outer,
                                    generator_new(counter, NULL, "inner"),
                                    "middle"),
                      "outer"),
        NULL));
    generator_new(counter, NULL, "not begun");
    for (int i = 0; i < GROUP; i++) {
        snprintf(name, sizeof(name), "sleeper %d", i);
        park(name);
    }
    spawn_waiter();
    must(thrum_greenlet_switch(greenlet_new(puller, "puller"), NULL, NULL));
    return 0;
}
