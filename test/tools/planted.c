/* SPDX-License-Identifier: MIT */
/*
 * test/tools/planted.c - bugs, planted on the stacks of greenlets and
 * generators, for tools_test.c to see whether the tools find them.
 *
 *     planted NAME      does what the table at the end says of the name
 *
 * Functions whose name begins with planted_ are what a report must name.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thrum.h>

#define PLANTED __attribute__((noinline))

void planted_overflow(volatile char *array, size_t size);
int planted_use_after_return(void);
void planted_use_after_free(void);
void planted_race(void);
void planted_uninitialised(void);
void *planted_leak(void);

/* Ends the program at the first call that fails: none should. */
static void need(int rc)
{
    if (rc == 0)
        return;
    fprintf(stderr, "planted: %s\n", thrum_strerror(rc));
    exit(3);
}

static thrum_greenlet *greenlet_of(thrum_fn *fn)
{
    thrum_greenlet *greenlet = NULL;

    need(thrum_greenlet_new(fn, NULL, NULL, &greenlet));
    return greenlet;
}

static void *yield_up(void *value)
{
    thrum_greenlet *parent = thrum_greenlet_parent(thrum_greenlet_current());
    void *back = NULL;

    if (thrum_greenlet_switch(parent, value, &back) != 0)
        return NULL;
    return back;
}

/* Runs it in a greenlet to its end. */
static int run_in_greenlet(thrum_fn *fn)
{
    thrum_greenlet *greenlet = greenlet_of(fn);

    need(thrum_greenlet_switch(greenlet, NULL, NULL));
    thrum_greenlet_unref(greenlet);
    return 0;
}

static int run_in_generator(thrum_fn *fn)
{
    thrum_generator *generator = NULL;

    need(thrum_generator_new(fn, NULL, 0, NULL, &generator));
    need(thrum_generator_next(generator, NULL));
    thrum_generator_unref(generator);
    return 0;
}

/* ---- one byte too far ---- */

PLANTED void planted_overflow(volatile char *array, size_t size)
{
    for (size_t i = 0; i <= size; i++)
        array[i] = (char)i;
}

static void *overflow(void *arg)
{
    char array[40];

    planted_overflow(array, sizeof(array));
    return array[3] == 3 ? NULL : arg;
}

static void *overflow_and_yield(void *arg)
{
    thrum_yield(overflow(arg), NULL);
    return NULL;
}

static int overflow_on_greenlet(void)
{
    return run_in_greenlet(overflow);
}

static int overflow_on_generator(void)
{
    return run_in_generator(overflow_and_yield);
}

/* ---- what is no more ---- */

static PLANTED int *address_of_local(void)
{
    int local[10] = {0};
    int *volatile address = local;

    return address;
}

PLANTED int planted_use_after_return(void)
{
    volatile int *address = address_of_local();

    return address[4];
}

static void *use_after_return(void *arg)
{
    yield_up(NULL);
    if (planted_use_after_return() == 12345)
        puts("it was not there");
    return arg;
}

/* After a switch, so that its fake stack has been away and back. */
static int after_return(void)
{
    thrum_greenlet *greenlet = greenlet_of(use_after_return);

    need(thrum_greenlet_switch(greenlet, NULL, NULL));
    need(thrum_greenlet_switch(greenlet, NULL, NULL));
    thrum_greenlet_unref(greenlet);
    return 0;
}

PLANTED void planted_use_after_free(void)
{
    volatile char *volatile block = malloc(40);

    free((void *)(uintptr_t)block);
    block[7] = 1;
}

static void *use_after_free(void *arg)
{
    planted_use_after_free();
    return arg;
}

static int after_free(void)
{
    return run_in_greenlet(use_after_free);
}

/* ---- leaks ---- */

PLANTED void *planted_leak(void)
{
    volatile char *block = calloc(1, 1234);

    if (block != NULL)
        block[0] = 1;
    return (void *)(uintptr_t)block;
}

/* Over what the stack and the registers may still have of a pointer. */
static PLANTED void wipe(void)
{
    volatile char room[4000];

    for (size_t i = 0; i < sizeof(room); i++)
        room[i] = 0;
    if (room[7] != 0)
        abort();
}

static thrum_greenlet *keeper; /* suspended at the end of the program */

static void *keep(void *arg)
{
    void *volatile block = planted_leak();

    yield_up(NULL);
    free(block);
    return arg;
}

static void *lose(void *arg)
{
    void *volatile block = planted_leak();

    block = NULL;
    wipe();
    yield_up(block);
    return arg;
}

static int leak_held(void)
{
    keeper = greenlet_of(keep);
    need(thrum_greenlet_switch(keeper, NULL, NULL));
    wipe();
    return 0;
}

static int leak_lost(void)
{
    keeper = greenlet_of(lose);
    need(thrum_greenlet_switch(keeper, NULL, NULL));
    wipe();
    return 0;
}

/* ---- races ---- */

static int shared;

PLANTED void planted_race(void)
{
    *(volatile int *)&shared += 1;
}

static void *touch_shared(void *arg)
{
    planted_race();
    yield_up(NULL);
    planted_race();
    return arg;
}

static void *touch_on_thread(void *arg)
{
    planted_race();
    return arg;
}

static int race(void)
{
    pthread_t thread;

    need(pthread_create(&thread, NULL, touch_on_thread, NULL));
    run_in_greenlet(touch_shared);
    need(pthread_join(thread, NULL));
    return 0;
}

/* By turns, on one thread. */
static int no_race(void)
{
    thrum_greenlet *greenlets[10];

    for (int i = 0; i < 10; i++)
        greenlets[i] = greenlet_of(touch_shared);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 10; i++)
            need(thrum_greenlet_switch(greenlets[i], NULL, NULL));
        planted_race();
    }
    for (int i = 0; i < 10; i++)
        thrum_greenlet_unref(greenlets[i]);
    return shared == 22 ? 0 : 3;
}

/* ---- what was never written ---- */

PLANTED void planted_uninitialised(void)
{
    int array[10];
    volatile int *never = array;

    /* it is there when it is read, but what is in it is anybody's guess */
    __asm__ volatile("" : : "r"(array) : "memory");
    if (never[5] == 77)
        puts("it was 77");
}

static void *use_uninitialised(void *arg)
{
    yield_up(NULL);
    planted_uninitialised();
    return arg;
}

static int uninitialised(void)
{
    thrum_greenlet *greenlet = greenlet_of(use_uninitialised);

    need(thrum_greenlet_switch(greenlet, NULL, NULL));
    need(thrum_greenlet_switch(greenlet, NULL, NULL));
    thrum_greenlet_unref(greenlet);
    return 0;
}

/* ---- stacks that are left without a return ---- */

/* Arrays on both sides of what is never returned from. */
static PLANTED void leave_thread(unsigned depth)
{
    volatile char room[300];

    for (size_t i = 0; i < sizeof(room); i++)
        room[i] = (char)depth;
    if (depth == 20)
        pthread_exit(NULL);
    if (depth < 20) /* it is, but compilers warn of a recursion without end */
        leave_thread(depth + 1);
    room[0] = room[1];
}

static void *leave(void *arg)
{
    leave_thread(0);
    return arg;
}

static void *thread_that_leaves(void *arg)
{
    run_in_greenlet(leave);
    return arg;
}

static PLANTED void *fill_stack(void *arg)
{
    volatile char room[40000];

    for (size_t i = 0; i < sizeof(room); i++)
        room[i] = 1;
    return room[0] == 1 ? arg : NULL;
}

static int abandoned(void)
{
    for (int i = 0; i < 20; i++) {
        pthread_t thread;

        need(pthread_create(&thread, NULL, thread_that_leaves, NULL));
        need(pthread_join(thread, NULL));
        for (int j = 0; j < 3; j++)
            run_in_greenlet(fill_stack);
    }
    return 0;
}

/* ---- nothing wrong ---- */

static PLANTED uintptr_t use_arrays(uintptr_t depth)
{
    uintptr_t array[50];
    volatile uintptr_t *at = array;

    for (uintptr_t i = 0; i < 50; i++)
        at[i] = i + depth;
    if (depth > 0 && use_arrays(depth - 1) == 0)
        return 0;
    if (depth == 3)
        yield_up(NULL);
    return at[49];
}

static void *use_stack(void *arg)
{
    use_arrays(10);
    use_arrays(5);
    return arg;
}

static void *count_to(void *arg)
{
    for (int i = 0; i < *(int *)arg; i++) {
        use_arrays(2);
        if (thrum_yield(&i, NULL) != 0)
            break;
    }
    return NULL;
}

static void look_at(thrum_greenlet *greenlet)
{
    thrum_stack_info info = THRUM_STACK_INFO;
    void *frames[20];

    need(thrum_greenlet_stack(greenlet, &info));
    if (info.used > info.stack_size)
        exit(3);
    (void)thrum_greenlet_backtrace(greenlet, frames, 20);
}

static void greenlets_by_turns(void)
{
    thrum_greenlet *greenlets[50];

    for (int i = 0; i < 50; i++)
        greenlets[i] = greenlet_of(use_stack);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 50; i++) {
            need(thrum_greenlet_switch(greenlets[i], NULL, NULL));
            if (!thrum_greenlet_dead(greenlets[i]))
                look_at(greenlets[i]);
        }
    }
    for (int i = 0; i < 50; i++)
        thrum_greenlet_unref(greenlets[i]);
}

static void generators_to_their_end(void)
{
    int most = 20;
    int rc = 0;

    for (int i = 0; i < 10; i++) {
        thrum_generator *generator = NULL;
        int sum = 0;

        need(thrum_generator_new(count_to, &most, sizeof(most), NULL,
                                 &generator));
        THRUM_EACH(int, n, generator, rc) {
            sum += *n;
            if (sum > 10 * (i + 1))
                break;
        }
        thrum_generator_unref(generator);
    }
}

static void *clean_on_thread(void *arg)
{
    greenlets_by_turns();
    generators_to_their_end();
    return arg;
}

static int clean(void)
{
    for (int i = 0; i < 3; i++) {
        pthread_t thread;

        need(pthread_create(&thread, NULL, clean_on_thread, NULL));
        clean_on_thread(NULL);
        need(pthread_join(thread, NULL));
        thrum_stack_trim();
    }
    return 0;
}

/* ---- the table ---- */

static const struct {
    const char *name;
    int (*run)(void);
} bugs[] = {
    {"abandoned", abandoned},
    {"after_free", after_free},
    {"after_return", after_return},
    {"clean", clean},
    {"leak_held", leak_held},
    {"leak_lost", leak_lost},
    {"no_race", no_race},
    {"overflow_on_generator", overflow_on_generator},
    {"overflow_on_greenlet", overflow_on_greenlet},
    {"race", race},
    {"uninitialised", uninitialised},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(bugs) / sizeof(bugs[0]); i++)
        if (argc == 2 && strcmp(argv[1], bugs[i].name) == 0)
            return bugs[i].run();
    fprintf(stderr, "usage: planted NAME\n");
    return 2;
}
