/* SPDX-License-Identifier: MIT */
/*
 * test/api/own_executor_test.c - an executor of one's own (thrum_executor_ops).
 *
 * This one keeps its tasks on a list until it is told to run or drop them.
 */
#include "tasks.h"

struct shelf {
    thrum_task *tasks[64];
    unsigned count;
    int refuses; /* the code of enqueue, or 0 */
    unsigned shutdowns;
    unsigned flags;
    unsigned destroyed;
};

static int shelf_enqueue(void *self, thrum_task *task)
{
    struct shelf *shelf = self;

    if (shelf->refuses != 0)
        return shelf->refuses;
    shelf->tasks[shelf->count++] = task;
    return 0;
}

static int shelf_shutdown(void *self, unsigned flags, thrum_time deadline)
{
    struct shelf *shelf = self;

    (void)deadline;
    shelf->shutdowns++;
    shelf->flags = flags;
    return 0;
}

static void shelf_destroy(void *self)
{
    ((struct shelf *)self)->destroyed++;
}

static thrum_executor_ops shelf_ops(void)
{
    thrum_executor_ops ops = {.size = sizeof(ops),
                              .enqueue = shelf_enqueue,
                              .shutdown = shelf_shutdown,
                              .destroy = shelf_destroy,
                              .workers = 1,
                              .shares_memory = true};

    return ops;
}

static thrum_executor *shelf_executor(struct shelf *shelf)
{
    thrum_executor_ops ops = shelf_ops();
    thrum_executor *executor = NULL;

    assert_int_equal(thrum_executor_new(&ops, shelf, &executor), 0);
    memset(&ops, 0, sizeof(ops)); /* they were copied */
    return executor;
}

static void shelf_run(struct shelf *shelf)
{
    for (unsigned i = 0; i < shelf->count; i++)
        thrum_task_run(shelf->tasks[i]);
    shelf->count = 0;
}

static void shelf_drop(struct shelf *shelf, int code)
{
    for (unsigned i = 0; i < shelf->count; i++)
        thrum_task_drop(shelf->tasks[i], code);
    shelf->count = 0;
}

TEST(enqueue_gets_the_task_and_run_settles_its_future)
{
    struct shelf shelf = {0};
    thrum_executor *executor = shelf_executor(&shelf);
    struct token token = {0};
    thrum_future *future = NULL;
    void *result = NULL;

    assert_int_equal(token_submit(executor, &token, &future), 0);
    assert_int_equal(shelf.count, 1);
    assert_false(thrum_future_done(future));
    assert_token(&token, 0, 0);
    shelf_run(&shelf);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, &result), 0);
    assert_ptr_equal(result, &token);
    assert_token(&token, 1, 1);
    thrum_future_unref(future);
    thrum_executor_unref(executor);
    assert_int_equal(shelf.destroyed, 1);
}

static void *is_current(void *arg)
{
    return thrum_executor_current() == arg ? arg : NULL;
}

TEST(current_is_the_own_executor)
{
    struct shelf shelf = {0};
    thrum_executor *executor = shelf_executor(&shelf);
    thrum_future *future = submit(executor, is_current, executor);
    void *result = NULL;

    shelf_run(&shelf);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, &result), 0);
    assert_ptr_equal(result, executor);
    thrum_future_unref(future);
    thrum_executor_unref(executor);
}

TEST(a_dropped_task_fails_with_the_code)
{
    struct shelf shelf = {0};
    thrum_executor *executor = shelf_executor(&shelf);
    struct token token = {0};
    thrum_future *future = NULL;

    assert_int_equal(token_submit(executor, &token, &future), 0);
    shelf_drop(&shelf, THRUM_EBROKEN);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(future), THRUM_EBROKEN);
    assert_token(&token, 0, 1);
    thrum_future_unref(future);
    thrum_executor_unref(executor);
}

TEST(a_task_dropped_with_ECANCELLED_is_cancelled)
{
    struct shelf shelf = {0};
    thrum_executor *executor = shelf_executor(&shelf);
    struct token token = {0};
    thrum_future *future = NULL;

    assert_int_equal(token_submit(executor, &token, &future), 0);
    shelf_drop(&shelf, THRUM_ECANCELLED);
    assert_true(thrum_future_cancelled(future));
    assert_token(&token, 0, 1);
    thrum_future_unref(future);
    thrum_executor_unref(executor);
}

TEST(a_task_that_was_cancelled_meanwhile_is_only_let_go)
{
    struct shelf shelf = {0};
    thrum_executor *executor = shelf_executor(&shelf);
    struct token tokens[2] = {{0}, {0}};
    thrum_future *futures[2] = {NULL, NULL};

    for (int i = 0; i < 2; i++) {
        assert_int_equal(token_submit(executor, &tokens[i], &futures[i]), 0);
        assert_true(thrum_future_cancel(futures[i]));
        assert_token(&tokens[i], 0, 1);
    }
    thrum_task_run(shelf.tasks[0]);
    thrum_task_drop(shelf.tasks[1], -EIO);
    for (int i = 0; i < 2; i++) {
        assert_true(thrum_future_cancelled(futures[i]));
        assert_token(&tokens[i], 0, 1);
        thrum_future_unref(futures[i]);
    }
    thrum_executor_unref(executor);
}

TEST(a_refusal_of_enqueue_is_what_submit_returns)
{
    struct shelf shelf = {.refuses = -EBUSY};
    thrum_executor *executor = shelf_executor(&shelf);
    struct token token = {0};
    thrum_future *future = NULL;
    void *args[2] = {&token, &token};
    thrum_future *futures[2] = {NULL, NULL};

    assert_int_equal(token_submit(executor, &token, &future), -EBUSY);
    assert_int_equal(token_submit(executor, &token, NULL), -EBUSY);
    assert_int_equal(
        thrum_executor_submit_many(executor, token_task, args, 2, futures),
        -EBUSY);
    assert_null(future);
    assert_token(&token, 0, 0);
    thrum_executor_unref(executor);
    assert_int_equal(shelf.destroyed, 1);
}

static int two_only(void *self, thrum_task *task)
{
    struct shelf *shelf = self;

    return shelf->count < 2 ? shelf_enqueue(self, task) : THRUM_EFULL;
}

TEST(submit_many_tells_how_many_were_accepted)
{
    struct shelf shelf = {0};
    thrum_executor_ops ops = shelf_ops();
    thrum_executor *executor = NULL;
    atomic_uint ran = 0;
    void *args[4] = {&ran, &ran, &ran, &ran};
    thrum_future *futures[4] = {NULL};

    ops.enqueue = two_only;
    assert_int_equal(thrum_executor_new(&ops, &shelf, &executor), 0);
    assert_int_equal(
        thrum_executor_submit_many(executor, count_task, args, 4, futures), 2);
    assert_int_equal(
        thrum_executor_submit_many(executor, count_task, args, 4, futures + 2),
        THRUM_EFULL);
    shelf_run(&shelf);
    assert_int_equal(atomic_load(&ran), 2);
    thrum_future_unref(futures[0]);
    thrum_future_unref(futures[1]);
    thrum_executor_unref(executor);
}

TEST(a_detached_task_may_outlive_the_executor)
{
    struct shelf shelf = {0};
    thrum_executor *executor = shelf_executor(&shelf);
    struct token token = {0};

    assert_int_equal(token_submit(executor, &token, NULL), 0);
    thrum_executor_unref(executor);
    assert_int_equal(shelf.destroyed, 1);
    shelf_run(&shelf); /* "here or later" */
    assert_token(&token, 1, 1);
}

TEST(the_name_of_a_task_is_told)
{
    struct shelf shelf = {0};
    thrum_executor *executor = shelf_executor(&shelf);
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    char name[] = "the name";
    atomic_uint ran = 0;

    options.name = name;
    assert_int_equal(thrum_executor_submit_with(executor, count_task, &ran, 0,
                                                &options, NULL),
                     0);
    memset(name, 'x', sizeof(name) - 1); /* it was copied */
    thrum_future_unref(submit(executor, count_task, &ran));
    assert_string_equal(thrum_task_name(shelf.tasks[0]), "the name");
    assert_null(thrum_task_name(shelf.tasks[1]));
    shelf_run(&shelf);
    assert_int_equal(atomic_load(&ran), 2);
    thrum_executor_unref(executor);
}

TEST(shutdown_is_passed_on)
{
    struct shelf shelf = {0};
    thrum_executor *executor = shelf_executor(&shelf);

    assert_int_equal(thrum_executor_shutdown(executor,
                                             THRUM_WAIT | THRUM_CANCEL_FUTURES,
                                             THRUM_NOW),
                     0);
    assert_int_equal(shelf.shutdowns, 1);
    assert_int_equal(shelf.flags, THRUM_WAIT | THRUM_CANCEL_FUTURES);
    assert_int_equal(thrum_executor_shutdown(executor, 8, THRUM_NOW), -EINVAL);
    assert_int_equal(shelf.shutdowns, 1);
    thrum_executor_unref(executor);
}

TEST(what_is_not_given_is_not_supported)
{
    struct shelf shelf = {0};
    thrum_executor_ops ops = {.size = sizeof(ops), .enqueue = shelf_enqueue};
    thrum_executor *executor = NULL;
    thrum_stats stats = THRUM_STATS;

    assert_int_equal(thrum_executor_new(&ops, &shelf, &executor), 0);
    assert_int_equal(thrum_executor_stats(executor, &stats), -ENOTSUP);
    assert_int_equal(thrum_executor_request_shutdown(executor), -ENOTSUP);
    assert_int_equal(
        thrum_executor_shutdown(executor, THRUM_WAIT, THRUM_FOREVER), 0);
    thrum_executor_unref(executor);
}

TEST(F80_bad_ops_are_refused)
{
    thrum_executor_ops ops = shelf_ops();
    thrum_executor *executor = NULL;

    ops.enqueue = NULL;
    assert_int_equal(thrum_executor_new(&ops, NULL, &executor), -EINVAL);
    ops = shelf_ops();
    ops.size = 0;
    assert_int_equal(thrum_executor_new(&ops, NULL, &executor), -EINVAL);
    assert_int_equal(thrum_executor_new(NULL, NULL, &executor), -EINVAL);
    assert_null(executor);
}

/* ---- executors that do not share memory ---- */

static thrum_executor *far_executor(struct shelf *shelf)
{
    thrum_executor_ops ops = shelf_ops();
    thrum_executor *executor = NULL;

    ops.shares_memory = false;
    assert_int_equal(thrum_executor_new(&ops, shelf, &executor), 0);
    return executor;
}

TEST(without_shared_memory_plain_pointers_are_refused_before_anything_runs)
{
    struct shelf shelf = {0};
    thrum_executor *executor = far_executor(&shelf);
    struct token token = {0};
    thrum_future *future = NULL;
    void *args[1] = {&token};

    assert_int_equal(token_submit(executor, &token, &future), THRUM_ENOTSHARED);
    assert_int_equal(
        thrum_executor_submit(executor, token_task, NULL, 0, &future),
        THRUM_ENOTSHARED);
    assert_int_equal(
        thrum_executor_submit_many(executor, token_task, args, 1, NULL),
        THRUM_ENOTSHARED);
    assert_null(future);
    assert_int_equal(shelf.count, 0);
    assert_token(&token, 0, 0);
    thrum_executor_unref(executor);
}

static void *read_copy(void *arg)
{
    return thrum_return(arg, sizeof(int));
}

TEST(without_shared_memory_copies_are_taken)
{
    struct shelf shelf = {0};
    thrum_executor *executor = far_executor(&shelf);
    thrum_future *future = NULL;
    int number = 42;
    void *result = NULL;

    assert_int_equal(thrum_executor_submit(executor, read_copy, &number,
                                           sizeof(number), &future),
                     0);
    number = 0;
    shelf_run(&shelf);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, &result), 0);
    assert_int_equal(*(int *)result, 42);
    thrum_future_unref(future);
    thrum_executor_unref(executor);
}

static int no_range(void *arg, size_t begin, size_t end)
{
    (void)arg;
    (void)begin;
    (void)end;
    return CHECK(!"must not run") ? 0 : -EIO;
}

TEST(without_shared_memory_there_is_no_parallel_for)
{
    struct shelf shelf = {0};
    thrum_executor *executor = far_executor(&shelf);

    assert_int_equal(thrum_parallel_for(executor, 0, 10, 1, no_range, NULL),
                     THRUM_ENOTSHARED);
    thrum_executor_unref(executor);
}

/* ---- map on an own executor ---- */

TEST(map_takes_its_default_buffer_from_the_workers)
{
    struct shelf shelf = {0};
    thrum_executor_ops ops = shelf_ops();
    thrum_executor *executor = NULL;
    thrum_iter *items = NULL;
    thrum_iter *results = NULL;

    ops.workers = 3;
    assert_int_equal(thrum_executor_new(&ops, &shelf, &executor), 0);
    assert_int_equal(thrum_iter_range(0, 50, &items), 0);
    assert_int_equal(
        thrum_executor_map(executor, read_copy, items, NULL, &results), 0);
    assert_int_equal(shelf.count, 12);
    shelf_drop(&shelf, THRUM_EBROKEN);
    for (int i = 0; i < 12; i++) {
        void *item = NULL;

        assert_int_equal(thrum_iter_next(results, &item), THRUM_EFAILED);
        assert_int_equal(thrum_iter_error(results)->code, THRUM_EBROKEN);
        shelf_drop(&shelf, THRUM_EBROKEN);
    }
    thrum_iter_free(results);
    shelf_drop(&shelf, THRUM_EBROKEN);
    thrum_executor_unref(executor);
    assert_int_equal(shelf.destroyed, 1);
}

TEST(map_is_freed_while_its_tasks_are_held)
{
    static const size_t chunks[] = {1, 5};

    for (size_t c = 0; c < 2; c++) {
        struct shelf shelf = {0};
        thrum_executor *executor = shelf_executor(&shelf);
        thrum_map_options options = THRUM_MAP_OPTIONS;
        thrum_iter *items = NULL;
        thrum_iter *results = NULL;

        options.buffersize = SIZE_MAX;
        options.chunksize = chunks[c];
        assert_int_equal(thrum_iter_range(0, 20, &items), 0);
        assert_int_equal(
            thrum_executor_map(executor, read_copy, items, &options, &results),
            0);
        thrum_iter_free(results);
        shelf_run(&shelf);
        thrum_executor_unref(executor);
        assert_int_equal(shelf.destroyed, 1);
    }
}

TEST_MAIN("own_executor")
