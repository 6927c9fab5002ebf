/* SPDX-License-Identifier: MIT */
/*
 * cases.c - the ways in which a case is run.
 */
#include "cases.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CASE_STACK (256u * 1024)

static _Thread_local bool case_is_green;

bool case_in_greenlet(void)
{
    return case_is_green;
}

/* ---- beside ---- */

struct beside {
    thrum_future *greenlet; /* one of the two */
    struct test_thread *thread;
};

struct beside *beside(thrum_fn *fn, void *arg)
{
    struct beside *one = calloc(1, sizeof(*one));

    if (!CHECK(one != NULL))
        abort();
    if (case_is_green)
        CHECK_INT(thrum_spawn(fn, arg, 0, &one->greenlet), 0);
    else
        one->thread = spawn_thread(fn, arg);
    return one;
}

void beside_end(struct beside *one)
{
    if (one->greenlet != NULL) {
        CHECK_INT(thrum_future_result(one->greenlet, THRUM_FOREVER, NULL), 0);
        thrum_future_unref(one->greenlet);
    } else {
        join_thread(one->thread);
    }
    free(one);
}

/* ---- ends ---- */

struct ends ends_of(int type)
{
    int fds[2] = {-1, -1};

    CHECK_INT(socketpair(AF_UNIX, type, 0, fds), 0);
    return (struct ends){fds[0], fds[1]};
}

struct ends ends_of_stream(void)
{
    return ends_of(SOCK_STREAM);
}

struct ends ends_of_pipe(void)
{
    int fds[2] = {-1, -1};

    CHECK_INT(pipe(fds), 0);
    return (struct ends){fds[0], fds[1]};
}

void ends_close(struct ends *ends)
{
    if (ends->here >= 0)
        CHECK_INT(close(ends->here), 0);
    if (ends->there >= 0)
        CHECK_INT(close(ends->there), 0);
}

static void *ends_write_hello(void *arg)
{
    const struct ends *ends = arg;

    CHECK_INT(write(ends->there, "hello", 5), 5);
    return NULL;
}

void case_of_reading(struct ends ends, case_read_fn *fn)
{
    struct beside *writer = beside(ends_write_hello, &ends);
    char text[5] = "";

    CHECK_INT(fn(ends.here, text, 5), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    beside_end(writer);
    ends_close(&ends);
}

/* ---- ways ---- */

static void *case_thread(void *fn)
{
    (*(case_fn **)fn)();
    return NULL;
}

static void *case_greenlet(void *fn)
{
    case_is_green = true;
    (*(case_fn **)fn)();
    case_is_green = false;
    return NULL;
}

void case_run_plain(case_fn *fn)
{
    join_thread(spawn_thread(case_thread, &fn));
}

void case_patch(void)
{
    assert_int_equal(thrum_monkey_patch_all(), 0);
}

void case_unpatch(void)
{
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

void case_run_outside(case_fn *fn)
{
    case_patch();
    join_thread(spawn_thread(case_thread, &fn));
    case_unpatch();
}

thrum_future *case_spawn(thrum_fn *fn, void *arg)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *future = NULL;

    options.stack_size = CASE_STACK;
    CHECK_INT(thrum_spawn_with(fn, arg, 0, &options, &future), 0);
    return future;
}

void case_await(thrum_future *future)
{
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
}

void case_run_task(thrum_fn *fn, void *arg)
{
    case_patch();
    case_await(case_spawn(fn, arg));
    case_unpatch();
}

void case_run_in_greenlet(case_fn *fn)
{
    case_run_task(case_greenlet, &fn);
}
