/* SPDX-License-Identifier: MIT */
/*
 * test/unit/torture_test.c - every allocation, and every call of sys/, fails
 * once, while a script goes through the API.
 *
 * Whatever fails must say so by a clear code; what was accepted must settle;
 * nothing may hang, be lost, run twice, or leak.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <thrum.h>

#include "sys/fault.h"
#include "thrum_test.h"

/* Arguments: submitted once, run at most once, freed exactly once. */
struct thing {
    atomic_uint ran;
    atomic_uint freed;
};

static void thing_free(void *arg)
{
    atomic_fetch_add(&((struct thing *)arg)->freed, 1);
}

static void *thing_task(void *arg)
{
    atomic_fetch_add(&((struct thing *)arg)->ran, 1);
    return thrum_return("result", 7);
}

static void *copy_task(void *arg)
{
    return thrum_return(arg, 4);
}

/* Did it succeed? If not, it says that memory or threads are short. */
static bool succeeded(int rc)
{
    if (rc >= 0)
        return true;
    CHECK(rc == -ENOMEM || rc == -EAGAIN || rc == -EMFILE);
    return false;
}

/* It settles, with a value or for lack of memory. */
static void settles(thrum_future *future)
{
    const thrum_error *error = NULL;
    int rc = thrum_future_exception(future, THRUM_FOREVER, &error);

    CHECK_INT(rc, 0);
    if (rc == 0 && error != NULL)
        CHECK(error->code == -ENOMEM || error->code == -EAGAIN ||
              error->code == -EDEADLK);
    thrum_future_unref(future);
}

static void script_submit(thrum_executor *pool)
{
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    struct thing thing = {0, 0};
    thrum_future *future = NULL;
    bool accepted;

    options.name = "thing";
    options.free_arg = thing_free;
    accepted = succeeded(thrum_executor_submit_with(pool, thing_task, &thing, 0,
                                                    &options, &future));
    if (accepted)
        settles(future);
    CHECK_INT(atomic_load(&thing.ran), accepted);
    CHECK_INT(atomic_load(&thing.freed), accepted);
    if (succeeded(thrum_executor_submit(pool, copy_task, "abc", 4, &future)))
        settles(future);
}

static void script_many(thrum_executor *pool)
{
    enum {
        MANY = 100
    };
    static struct thing things[MANY];
    void *args[MANY];
    thrum_future *futures[MANY];
    int n;

    for (int i = 0; i < MANY; i++) {
        things[i] = (struct thing){0, 0};
        args[i] = &things[i];
    }
    n = thrum_executor_submit_many(pool, thing_task, args, MANY, futures);
    if (!succeeded(n))
        n = 0;
    for (int i = 0; i < n; i++)
        settles(futures[i]);
    for (int i = 0; i < MANY; i++)
        CHECK_INT(atomic_load(&things[i].ran), i < n);
}

static void script_map(thrum_executor *pool, size_t chunksize, bool unordered)
{
    thrum_map_options options = THRUM_MAP_OPTIONS;
    thrum_iter *items = NULL;
    thrum_iter *results = NULL;
    void *item = NULL;
    int rc;

    options.chunksize = chunksize;
    options.unordered = unordered;
    if (!succeeded(thrum_iter_range(0, 20, &items)) ||
        !succeeded(
            thrum_executor_map(pool, copy_task, items, &options, &results)))
        return;
    do
        rc = thrum_iter_next(results, &item);
    while (rc == 0 || rc == THRUM_EFAILED);
    CHECK(rc == THRUM_ESTOP || rc == -ENOMEM || rc == -EAGAIN);
    thrum_iter_free(results);
}

static void *then_task(thrum_future *done, void *arg)
{
    CHECK(thrum_future_done(done));
    return arg;
}

static void script_combine(thrum_executor *pool)
{
    thrum_future *futures[3] = {NULL, NULL, NULL};
    thrum_future *combined = NULL;
    thrum_future_set *set = NULL;
    size_t n = 0;

    while (n < 3 && succeeded(thrum_executor_submit(pool, copy_task, "abc", 4,
                                                    &futures[n])))
        n++;
    if (n > 0 && succeeded(thrum_future_all(futures, n, &combined)))
        settles(combined);
    if (n > 0 && succeeded(thrum_future_any(futures, n, &combined)))
        settles(combined);
    if (n > 0 && succeeded(thrum_future_then(futures[0], pool, then_task, set,
                                             &combined)))
        settles(combined);
    (void)succeeded(
        thrum_wait(futures, n, THRUM_FIRST_COMPLETED, THRUM_FOREVER));
    if (succeeded(thrum_as_completed(futures, n, &set))) {
        (void)succeeded(thrum_future_set_fd(set));
        while (thrum_future_set_next(set, THRUM_FOREVER, &combined) == 0)
            thrum_future_unref(combined);
        CHECK_INT(thrum_future_set_size(set), 0);
        thrum_future_set_free(set);
    }
    for (size_t i = 0; i < n; i++)
        settles(futures[i]);
}

static void script_scope(thrum_executor *pool)
{
    thrum_scope *scope = NULL;
    struct thing thing = {0, 0};
    unsigned accepted = 0;
    int rc;

    if (!succeeded(thrum_scope_new(THRUM_FOREVER, &scope)))
        return;
    for (int i = 0; i < 5; i++) {
        rc = thrum_scope_submit(scope, pool, thing_task, &thing, 0, NULL);
        if (rc == THRUM_ECLOSED) /* thing_task had no memory for its result */
            break;
        accepted += succeeded(rc);
    }
    rc = thrum_scope_close(scope);
    CHECK(rc == 0 || rc == -ENOMEM || rc == -EAGAIN);
    CHECK(atomic_load(&thing.ran) <= accepted);
}

static int add_range(void *arg, size_t begin, size_t end)
{
    atomic_fetch_add((atomic_uint *)arg, (unsigned)(end - begin));
    return 0;
}

static void *nested_task(void *arg)
{
    atomic_uint sum = 0;

    CHECK_INT(thrum_parallel_for(arg, 0, 100, 1, add_range, &sum), 0);
    CHECK_INT(atomic_load(&sum), 100);
    script_submit(arg);
    return NULL;
}

static void script_nested(thrum_executor *pool)
{
    thrum_future *future = NULL;
    thrum_stats stats = THRUM_STATS;

    if (succeeded(thrum_executor_submit(pool, nested_task, pool, 0, &future)))
        settles(future);
    CHECK_INT(thrum_executor_stats(pool, &stats), 0);
}

static void script_promise(void)
{
    thrum_promise *promise = NULL;
    thrum_future *future = NULL;

    if (!succeeded(thrum_promise_new(&promise, &future)))
        return;
    if (!succeeded(thrum_promise_set_result_copy(promise, "xyz", 4)))
        CHECK_INT(thrum_promise_set_exception(promise, -ENOMEM, "none"), 0);
    thrum_promise_free(promise);
    settles(future);
}

static void script(void)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    const int cpu = sched_getcpu();
    thrum_executor *pool = NULL;

    options.max_workers = 2;
    options.name_prefix = "torture";
    options.stack_size = 1 << 20;
    options.affinity = &cpu;
    options.affinity_count = 1;
    script_promise();
    if (!succeeded(thrum_thread_pool_new(&options, &pool)))
        return;
    script_submit(pool);
    script_many(pool);
    script_map(pool, 1, false);
    script_map(pool, 3, true);
    script_combine(pool);
    script_scope(pool);
    script_nested(pool);
    CHECK_INT(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER), 0);
    thrum_executor_unref(pool);
}

TEST(every_allocation_fails_once)
{
    unsigned rounds = 0;

    FOR_EACH_FAILURE(n)
    {
        script();
        rounds = n;
    }
    assert_true(rounds > 10);
}

/* ---- calls of sys/ ---- */

struct nth {
    atomic_uint left; /* calls until the one that fails */
    atomic_bool fired;
};

static bool fail_nth(const char *call, void *arg)
{
    struct nth *nth = arg;

    (void)call;
    if (atomic_fetch_sub(&nth->left, 1) != 1)
        return false;
    atomic_store(&nth->fired, true);
    return true;
}

TEST(every_call_of_sys_fails_once)
{
    unsigned n = 0;
    struct nth nth;

    do {
        atomic_init(&nth.left, ++n);
        atomic_init(&nth.fired, false);
        thrumi_fault_set(fail_nth, &nth);
        script();
        thrumi_fault_set(NULL, NULL);
    } while (atomic_load(&nth.fired));
    assert_true(n > 2);
}

/* And all of one kind, for as long as the script lasts. */
static bool fail_all(const char *call, void *arg)
{
    (void)call;
    (void)arg;
    return true;
}

TEST(every_call_of_sys_fails_always)
{
    thrumi_fault_set(fail_all, NULL);
    script();
    thrumi_fault_set(NULL, NULL);
}

TEST_MAIN("torture")
