/* SPDX-License-Identifier: MIT */
/*
 * test/unit/hub_faults_test.c - a hub without memory, stacks or descriptors:
 * every call says so, every future settles, and what comes later works.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <thrum.h>

#include "sys/fault.h"
#include "thrum_test.h"

static void *echo(void *value)
{
    CHECK_INT(thrum_pass(), 0);
    return value;
}

static bool fail_call(const char *call, void *arg)
{
    return strcmp(call, arg) == 0;
}

static bool fail_guards(const char *call, void *arg)
{
    (void)arg;
    return strcmp(call, "guard_install") == 0 || strcmp(call, "mprotect") == 0;
}

static int code_of(thrum_future *future)
{
    const thrum_error *error = NULL;
    int rc = thrum_future_exception(future, THRUM_FOREVER, &error);

    if (rc != 0)
        return rc;
    return error == NULL ? 0 : error->code;
}

/* Spawns some and waits for all that could be; each either works or says that
 * there is no memory. */
static void spawn_some(const thrum_spawn_options *options)
{
    thrum_future *futures[3] = {NULL};

    for (int i = 0; i < 3; i++) {
        int rc = thrum_spawn_with(echo, &i, sizeof(i), options, &futures[i]);

        CHECK(rc == 0 || rc == -ENOMEM);
    }
    for (int i = 0; i < 3; i++) {
        int code = futures[i] == NULL ? 0 : code_of(futures[i]);

        CHECK(code == 0 || code == -ENOMEM);
        if (futures[i] != NULL)
            thrum_future_unref(futures[i]);
    }
}

/* In a thread of its own, so that its hub is made anew. */
static void *spawn_in_thread(void *options)
{
    spawn_some(options);
    return NULL;
}

TEST(without_memory_a_spawn_says_so_and_nothing_is_lost)
{
    FOR_EACH_FAILURE(n)
    {
        join_thread(spawn_thread(spawn_in_thread, NULL));
    }
}

TEST(so_do_those_that_have_options)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;

    options.name = "named";
    options.delay_ns = 1;
    FOR_EACH_FAILURE(n)
    {
        join_thread(spawn_thread(spawn_in_thread, &options));
    }
}

static void *keeps_its_stack(void *arg)
{
    CHECK_INT(thrum_sleep(THRUM_FOREVER), -ECANCELED);
    return arg;
}

enum {
    MOST = 40
};

/* Futures of greenlets whose stacks cannot be had fail with `code`; those made
 * ready before are used up first. */
static void stacks_fail(size_t size, int code)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *futures[MOST];
    int n = 0;

    options.stack_size = size;
    do {
        assert_int_equal(
            thrum_spawn_with(keeps_its_stack, NULL, 0, &options, &futures[n]),
            0);
        assert_int_equal(thrum_pass(), 0);
    } while (!thrum_future_done(futures[n++]) && n < MOST);
    thrumi_fault_set(NULL, NULL);
    assert_int_equal(code_of(futures[n - 1]), code);
    assert_int_equal(thrum_kill_all(futures, (size_t)n, THRUM_FOREVER), 0);
    while (n > 0)
        thrum_future_unref(futures[--n]);
    spawn_some(&options);
    thrum_stack_trim();
}

TEST(without_memory_for_its_stack_a_greenlets_future_fails)
{
    char call[] = "mmap";

    thrumi_fault_set(fail_call, call);
    stacks_fail((size_t)4 * 1024 * 1024, -ENOMEM);
}

TEST(without_a_guard_for_its_stack_too)
{
    thrumi_fault_set(fail_guards, NULL);
    stacks_fail((size_t)16 * 1024 * 1024, THRUM_ESTACK);
}

static void *open_in_thread(void *call)
{
    int rc;

    thrumi_fault_set(fail_call, call);
    rc = thrum_hub_open(NULL);
    thrumi_fault_set(NULL, NULL);
    CHECK(rc < 0);
    CHECK_INT(thrum_hub_open(NULL), 0);
    CHECK(thrum_hub_fd() >= 0);
    spawn_some(NULL);
    return NULL;
}

TEST(without_descriptors_a_hub_opens_later)
{
    char call[] = "epoll_create";

    setenv("THRUM_LOOP", "epoll", 1);
    join_thread(spawn_thread(open_in_thread, call));
    unsetenv("THRUM_LOOP");
}

TEST(an_engine_that_is_none_is_refused)
{
    setenv("THRUM_LOOP", "steam", 1);
    assert_int_equal(thrum_hub_open(NULL), -EINVAL);
    assert_int_equal(thrum_hub_fd(), -EINVAL);
    unsetenv("THRUM_LOOP");
    assert_int_equal(thrum_hub_open(NULL), 0);
    spawn_some(NULL);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
}

TEST(options_of_another_size_are_refused)
{
    thrum_hub_options options = THRUM_HUB_OPTIONS;

    options.size--;
    assert_int_equal(thrum_hub_open(&options), -EINVAL);
}

TEST_MAIN("hub-faults")
