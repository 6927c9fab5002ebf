/* SPDX-License-Identifier: MIT */
/*
 * test/api/deadlock_log_test.c - what the log says of waits in a circle (F96).
 */
#include <stdio.h>
#include <string.h>

#include "tasks.h"

enum {
    MOST = 8
};

/* Tasks that wait for each other in a ring, each on its own worker. */
struct ring {
    struct gate gate;
    atomic_uint deadlocks;
    thrum_future *futures[MOST];
    struct ring_task {
        struct ring *ring;
        unsigned next; /* the one it waits for */
    } tasks[MOST];
};

static void *await_next(void *arg)
{
    struct ring_task *task = arg;
    struct ring *ring = task->ring;
    int rc;

    gate_wait(&ring->gate);
    rc = thrum_future_result(ring->futures[task->next], THRUM_FOREVER, NULL);
    atomic_fetch_add(&ring->deadlocks, rc == -EDEADLK);
    return NULL;
}

struct heard {
    atomic_uint lines;
    char last[512];
};

static void on_log(thrum_log_level level, const char *message, void *arg)
{
    struct heard *heard = arg;

    CHECK_INT(level, THRUM_LOG_WARNING);
    atomic_fetch_add(&heard->lines, 1);
    snprintf(heard->last, sizeof(heard->last), "%s", message);
}

/* Runs a ring of `n` tasks with these names, and hears one line about it. */
static void hear_ring(unsigned n, const char *const *names, char *ret)
{
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    struct ring ring = {.gate = GATE_INIT};
    struct heard heard = {0, ""};
    thrum_executor *pool = pool_of((int)n);
    char address[32];

    for (unsigned i = 0; i < n; i++) {
        ring.tasks[i] = (struct ring_task){&ring, (i + 1) % n};
        options.name = names[i];
        assert_int_equal(thrum_executor_submit_with(pool, await_next,
                                                    &ring.tasks[i], 0, &options,
                                                    &ring.futures[i]),
                         0);
    }
    for (unsigned i = 0; i < n; i++)
        WAIT_UNTIL(thrum_future_running(ring.futures[i]));
    thrum_set_log(on_log, &heard);
    gate_open(&ring.gate);
    executor_end(pool);
    thrum_set_log(NULL, NULL);
    assert_int_equal(atomic_load(&ring.deadlocks), 1);
    assert_int_equal(atomic_load(&heard.lines), 1);
    for (unsigned i = 0; i < n; i++) {
        snprintf(address, sizeof(address), "(%p)", (void *)ring.futures[i]);
        if (n <= 5)
            assert_non_null(strstr(heard.last, address));
        thrum_future_unref(ring.futures[i]);
    }
    memcpy(ret, heard.last, sizeof(heard.last));
}

TEST(F96_the_log_tells_who_waits_for_whom)
{
    static const char *const names[] = {"fetch", "parse"};
    char line[512];
    char *first;
    char *second;

    hear_ring(2, names, line);
    first = strstr(line, "\"fetch\" (0x");
    second = strstr(line, "\"parse\" (0x");
    assert_non_null(first);
    assert_non_null(second);
    assert_non_null(strstr(line, " waits for \""));
    assert_non_null(strstr(line, ", which waits for the first"));
}

TEST(F96_the_log_tells_of_a_task_that_waits_for_itself)
{
    static const char *const names[] = {"narcissus"};
    char line[512];

    hear_ring(1, names, line);
    assert_non_null(strstr(line, "\"narcissus\" (0x"));
    assert_non_null(strstr(line, " waits for itself"));
}

TEST(F96_the_log_tells_of_tasks_without_a_name_by_their_futures)
{
    static const char *const names[4] = {NULL, NULL, NULL, NULL};
    char line[512];

    hear_ring(4, names, line);
    assert_null(strstr(line, "\""));
}

TEST(F96_the_log_tells_the_length_of_a_long_ring)
{
    static const char long_name[] =
        "a name that is so long that nobody would want to read all of it";
    const char *names[MOST];
    char line[512];

    for (int i = 0; i < MOST; i++)
        names[i] = long_name;
    hear_ring(MOST, names, line);
    assert_non_null(strstr(line, ", and so on over 3 more, which waits for"));
}

TEST_MAIN("deadlock_log")
