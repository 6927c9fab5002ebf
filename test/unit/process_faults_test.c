/* SPDX-License-Identifier: MIT */
/*
 * process_faults_test.c - process pools when calls of the system fail in their
 * owner.
 *
 * The zygote and the workers are this program run anew, where nothing fails.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "sys/fault.h"

#include "futures.h"

/* Which call fails, the how many-th time. */
struct fault {
    const char *call;
    unsigned at;
    atomic_uint seen;
};

static bool fault_hook(const char *call, void *arg)
{
    struct fault *fault = arg;

    return strcmp(call, fault->call) == 0 &&
           atomic_fetch_add(&fault->seen, 1) == fault->at;
}

static int new_pool_failing(const char *call, unsigned after,
                            thrum_executor **ret)
{
    struct fault fault = {call, after, 0};
    int rc;

    thrumi_fault_set(fault_hook, &fault);
    rc = thrum_process_pool_new(NULL, ret);
    thrumi_fault_set(NULL, NULL);
    return rc;
}

static void check_new_fails(const char *call, unsigned after, int code)
{
    thrum_executor *pool = NULL;

    assert_int_equal(new_pool_failing(call, after, &pool), code);
    assert_null(pool);
}

TEST(F93_a_thread_that_cannot_start_is_an_error)
{
    check_new_fails("pthread_create", 0, -EAGAIN);
}

TEST(what_fails_when_a_pool_is_made_is_an_error)
{
    check_new_fails("eventfd", 0, -EMFILE);
    check_new_fails("socketpair", 0, -EMFILE);
    check_new_fails("sendmsg", 0, -EPIPE);
    check_new_fails("clone", 0, -EAGAIN);
    check_new_fails("pidfd_open", 0, -EMFILE);
    check_new_fails("mmap", 0, -ENOMEM);
}

static void *twice(void *arg)
{
    int n = *(int *)arg * 2;

    return thrum_return(&n, sizeof(n));
}

/* A call fails in the midst of it; tasks either fail or are done. */
static void check_use(const char *call, unsigned after)
{
    struct fault fault = {call, after, 0};
    thrum_executor *pool = NULL;
    thrum_future *futures[4] = {NULL};

    thrumi_fault_set(fault_hook, &fault);
    if (thrum_process_pool_new(NULL, &pool) != 0) {
        thrumi_fault_set(NULL, NULL);
        return;
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(
            thrum_executor_submit(pool, twice, &i, sizeof(i), &futures[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *value = NULL;

        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, &value),
                         0);
        assert_int_equal(*(int *)value, i * 2);
        thrum_future_unref(futures[i]);
    }
    executor_end(pool);
    thrumi_fault_set(NULL, NULL);
}

TEST(a_worker_that_cannot_be_started_is_tried_again)
{
    static const char *const calls[] = {"memfd_create", "fallocate",
                                        "fcntl_seals",  "mmap",
                                        "socketpair",   "sendmsg"};

    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        for (unsigned after = 0; after < 4; after++)
            check_use(calls[i], after);
}

static void *die(void *arg)
{
    raise(SIGKILL);
    return NULL;
}

static void check_twice(thrum_executor *pool, int n)
{
    thrum_future *future;
    void *value = NULL;

    assert_int_equal(thrum_executor_submit(pool, twice, &n, sizeof(n), &future),
                     0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &value), 0);
    assert_int_equal(*(int *)value, n * 2);
    thrum_future_unref(future);
}

/* A call fails when a worker is replaced, or when spares are made, or when one
 * of them is to be a worker. */
static void check_losses(const char *call, unsigned after)
{
    struct fault fault = {call, after, 0};
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;

    options.max_workers = 1;
    assert_int_equal(thrum_process_pool_new(&options, &pool), 0);
    check_twice(pool, 1);
    thrumi_fault_set(fault_hook, &fault);
    for (int i = 0; i < 3; i++) {
        thrum_future *future;
        void *value;

        assert_int_equal(
            thrum_executor_submit(pool, die, &i, sizeof(i), &future), 0);
        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &value),
                         THRUM_EFAILED);
        assert_int_equal(error_code_of(future), THRUM_ECRASHED);
        thrum_future_unref(future);
        check_twice(pool, i);
    }
    executor_end(pool);
    thrumi_fault_set(NULL, NULL);
}

TEST(spares_that_cannot_be_made_are_done_without)
{
    static const char *const calls[] = {"memfd_create", "mmap", "socketpair",
                                        "sendmsg"};

    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        for (unsigned after = 0; after < 5; after++)
            check_losses(calls[i], after);
}

TEST(what_fails_for_lack_of_memory_is_an_error)
{
    FOR_EACH_FAILURE(n)
    {
        thrum_executor *pool = NULL;
        int rc = thrum_process_pool_new(NULL, &pool);

        faulty_alloc_fail_nth(0);
        if (rc == 0)
            executor_end(pool);
        else
            assert_int_equal(rc, -ENOMEM);
    }
}

/* Each allocation fails once, in whatever thread: tasks have their results or
 * say that there was no memory. */
TEST(a_task_without_memory_says_so)
{
    FOR_EACH_FAILURE(n)
    {
        thrum_executor *pool = NULL;
        thrum_future *future = NULL;
        void *value = NULL;
        int three = 3;
        int rc = thrum_process_pool_new(NULL, &pool);

        if (rc == 0)
            rc = thrum_executor_submit(pool, twice, &three, sizeof(three),
                                       &future);
        if (rc == 0)
            rc = thrum_future_result(future, THRUM_FOREVER, &value);
        faulty_alloc_fail_nth(0);
        if (rc == 0)
            assert_int_equal(*(int *)value, 6);
        else if (rc == THRUM_EFAILED)
            assert_int_equal(error_code_of(future), -ENOMEM);
        else
            assert_int_equal(rc, -ENOMEM);
        if (future != NULL)
            thrum_future_unref(future);
        if (pool != NULL)
            executor_end(pool);
    }
}

/* The library is a static one here: main has to help. */
int main(int argc, char **argv)
{
#ifdef TEST_EMULATED
    puts("1..0 # skipped: no process pools in emulators");
    return 0;
#endif
    thrum_worker_main();
    return test_main("unit-process_faults", argc, argv);
}
