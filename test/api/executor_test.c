/* SPDX-License-Identifier: MIT */
/*
 * test/api/executor_test.c - submitting tasks: arguments, futures, refusals.
 */
#include <stdlib.h>

#include "tasks.h"

/* ---- F45: submit ---- */

TEST(F45_submit_never_blocks_and_has_no_bound)
{
    enum {
        MANY = 5000
    };
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    thrum_future **futures = calloc(MANY, sizeof(*futures));
    atomic_uint ran = 0;

    for (int i = 0; i < MANY; i++)
        futures[i] = submit(pool, count_task, &ran);
    for (int i = 0; i < MANY; i++)
        assert_false(thrum_future_done(futures[i]) ||
                     thrum_future_running(futures[i]));
    gate_open(&gate);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), MANY);
    for (int i = 0; i < MANY; i++) {
        assert_true(thrum_future_done(futures[i]));
        thrum_future_unref(futures[i]);
    }
    free(futures);
}

static void *same(void *arg)
{
    return arg;
}

TEST(F45_a_pointer_is_passed_as_it_is)
{
    thrum_executor *executors[] = {inline_new(), pool_of(2)};
    int marker;
    void *result = NULL;

    for (size_t i = 0; i < 2; i++) {
        thrum_future *future = submit(executors[i], same, &marker);

        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &result),
                         0);
        assert_ptr_equal(result, &marker);
        assert_int_equal(thrum_future_result_size(future), 0);
        thrum_future_unref(future);
        future = submit(executors[i], same, NULL);
        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &result),
                         0);
        assert_null(result);
        thrum_future_unref(future);
        executor_end(executors[i]);
    }
}

struct copied {
    size_t size;
    unsigned char bytes[]; /* each is its index */
};

static void *check_copy(void *arg)
{
    struct copied *copied = arg;
    unsigned wrong = 0;

    CHECK_INT((long)((uintptr_t)arg % _Alignof(max_align_t)), 0);
    for (size_t i = 0; i < copied->size; i++)
        wrong += copied->bytes[i] != (unsigned char)i;
    memset(copied->bytes, 0, copied->size); /* it is ours to write */
    return thrum_return(&wrong, sizeof(wrong));
}

static thrum_future *submit_copy(thrum_executor *executor, size_t size)
{
    struct copied *copied = malloc(sizeof(*copied) + size);
    thrum_future *future = NULL;

    assert_non_null(copied);
    copied->size = size;
    for (size_t i = 0; i < size; i++)
        copied->bytes[i] = (unsigned char)i;
    assert_int_equal(thrum_executor_submit(executor, check_copy, copied,
                                           sizeof(*copied) + size, &future),
                     0);
    memset(copied, 0xff, sizeof(*copied) + size); /* gone before it runs */
    free(copied);
    return future;
}

TEST(F45_an_argument_with_a_size_is_copied_and_aligned)
{
    static const size_t sizes[] = {0, 1, 7, 8, 9, 40, 57, 4096, 1u << 20};
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    thrum_future *futures[sizeof(sizes) / sizeof(sizes[0])];

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        futures[i] = submit_copy(pool, sizes[i]);
    gate_open(&gate);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        void *wrong = NULL;

        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, &wrong),
                         0);
        assert_int_equal(*(unsigned *)wrong, 0);
        thrum_future_unref(futures[i]);
    }
    executor_end(pool);
}

static void *is_aligned(void *arg)
{
    return (uintptr_t)arg % _Alignof(max_align_t) == 0 ? same : NULL;
}

TEST(F45_a_copy_of_one_byte_is_aligned_too)
{
    thrum_executor *executor = inline_new();
    thrum_future *future = NULL;
    void *result = NULL;

    assert_int_equal(
        thrum_executor_submit(executor, is_aligned, "x", 1, &future), 0);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, &result), 0);
    assert_non_null(result);
    thrum_future_unref(future);
    executor_end(executor);
}

TEST(F45_bad_arguments_are_refused)
{
    thrum_executor *pool = pool_of(1);
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    thrum_future *future = NULL;

    assert_int_equal(thrum_executor_submit(NULL, same, NULL, 0, &future),
                     -EINVAL);
    assert_int_equal(thrum_executor_submit(pool, NULL, NULL, 0, &future),
                     -EINVAL);
    assert_int_equal(thrum_executor_submit(pool, NULL, NULL, 0, NULL), -EINVAL);
    assert_int_equal(thrum_executor_submit_many(pool, NULL, NULL, 0, NULL),
                     -EINVAL);
    options.size = 1;
    assert_int_equal(
        thrum_executor_submit_with(pool, same, NULL, 0, &options, &future),
        -EINVAL);
    assert_null(future);
    executor_end(pool);
}

TEST(F45_the_future_of_a_submitted_task_is_known_by_its_executor_alone)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    atomic_uint ran = 0;

    /* dropping the future detaches: the task runs all the same */
    thrum_future_unref(submit(pool, count_task, &ran));
    gate_open(&gate);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 1);
}

/* ---- submit from tasks ---- */

struct tree {
    thrum_executor *executor;
    atomic_uint *nodes;
    int depth;
};

static void *grow_tree(void *arg)
{
    struct tree tree = *(struct tree *)arg;

    atomic_fetch_add(tree.nodes, 1);
    CHECK(thrum_executor_current() == tree.executor);
    if (tree.depth-- == 0)
        return NULL;
    for (int i = 0; i < 2; i++)
        CHECK_INT(thrum_executor_submit(tree.executor, grow_tree, &tree,
                                        sizeof(tree), NULL),
                  0);
    return NULL;
}

TEST(F45_tasks_submit_tasks)
{
    thrum_executor *executors[] = {inline_new(), pool_of(1), pool_of(4)};

    for (size_t i = 0; i < 3; i++) {
        atomic_uint nodes = 0;
        struct tree tree = {executors[i], &nodes, 9};

        assert_int_equal(thrum_executor_submit(executors[i], grow_tree, &tree,
                                               sizeof(tree), NULL),
                         0);
        WAIT_UNTIL(atomic_load(&nodes) == 1023);
        executor_end(executors[i]);
        assert_int_equal(atomic_load(&nodes), 1023);
    }
}

TEST(current_is_the_executor_whose_task_runs)
{
    assert_null(thrum_executor_current());
}

/* ---- submit_many ---- */

TEST(F45_submit_many_keeps_the_order_of_its_arguments)
{
    enum {
        MANY = 1000
    };
    static int items[MANY];
    static void *args[MANY];
    static thrum_future *futures[MANY];
    thrum_executor *executors[] = {inline_new(), pool_of(3)};

    for (int i = 0; i < MANY; i++)
        args[i] = &items[i];
    for (size_t e = 0; e < 2; e++) {
        assert_int_equal(
            thrum_executor_submit_many(executors[e], same, args, MANY, futures),
            MANY);
        for (int i = 0; i < MANY; i++) {
            void *result = NULL;

            assert_int_equal(
                thrum_future_result(futures[i], THRUM_FOREVER, &result), 0);
            assert_ptr_equal(result, &items[i]);
            thrum_future_unref(futures[i]);
        }
        executor_end(executors[e]);
    }
}

TEST(F45_submit_many_detached_runs_all)
{
    enum {
        MANY = 1000
    };
    static void *args[MANY];
    thrum_executor *executors[] = {inline_new(), pool_of(3)};
    atomic_uint ran = 0;

    for (int i = 0; i < MANY; i++)
        args[i] = &ran;
    for (size_t e = 0; e < 2; e++) {
        atomic_store(&ran, 0);
        assert_int_equal(thrum_executor_submit_many(executors[e], count_task,
                                                    args, MANY, NULL),
                         MANY);
        executor_end(executors[e]);
        assert_int_equal(atomic_load(&ran), MANY);
    }
}

TEST(F45_submit_many_of_none_is_none)
{
    thrum_executor *pool = pool_of(1);

    assert_int_equal(thrum_executor_submit_many(pool, same, NULL, 0, NULL), 0);
    assert_int_equal(thrum_executor_submit_many(pool, same, NULL, 1, NULL),
                     -EINVAL);
    executor_end(pool);
}

/* ---- F46: submit after shutdown ---- */

static void assert_refused(thrum_executor *executor, int code)
{
    struct token token = {0};
    thrum_future *future = NULL;
    void *args[] = {&token};

    assert_int_equal(
        thrum_executor_submit(executor, token_task, &token, 0, &future), code);
    assert_int_equal(
        thrum_executor_submit(executor, token_task, &token, 0, NULL), code);
    assert_int_equal(
        thrum_executor_submit_many(executor, token_task, args, 1, NULL), code);
    assert_int_equal(
        thrum_executor_submit_many(executor, token_task, args, 1, &future),
        code);
    assert_int_equal(token_submit(executor, &token, &future), code);
    assert_int_equal(token_submit(executor, &token, NULL), code);
    assert_token(&token, 0, 0); /* the argument is still the caller's */
}

TEST(F46_submit_after_shutdown_is_refused)
{
    thrum_executor *pools[] = {pool_of(1), pool_of(1), inline_new()};
    atomic_uint ran = 0;

    thrum_future_unref(submit(pools[1], count_task, &ran)); /* has a thread */
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(
            thrum_executor_shutdown(pools[i], THRUM_WAIT, THRUM_FOREVER), 0);
        assert_refused(pools[i], THRUM_ESHUTDOWN);
        thrum_executor_unref(pools[i]);
    }
}

struct late {
    thrum_executor *pool;
    struct gate gate;
    int rc;
};

static void *submit_late(void *arg)
{
    struct late *late = arg;

    gate_wait(&late->gate);
    late->rc = thrum_executor_submit(late->pool, same, NULL, 0, NULL);
    return NULL;
}

TEST(F46_submit_from_a_running_task_of_a_pool_shut_down_is_refused)
{
    struct late late = {pool_of(1), GATE_INIT, 0};
    thrum_future *future = submit(late.pool, submit_late, &late);

    WAIT_UNTIL(thrum_future_running(future));
    assert_int_equal(thrum_executor_shutdown(late.pool, 0, THRUM_NOW), 0);
    gate_open(&late.gate);
    executor_end(late.pool);
    assert_int_equal(late.rc, THRUM_ESHUTDOWN);
    thrum_future_unref(future);
}

/* ---- detached tasks ---- */

struct unhandled {
    atomic_uint count;
    atomic_int code;
};

static void unhandled_note(const thrum_error *error, void *arg)
{
    struct unhandled *unhandled = arg;

    atomic_store(&unhandled->code, error->code);
    CHECK(error->message != NULL);
    atomic_fetch_add(&unhandled->count, 1);
}

TEST(the_error_of_a_detached_task_goes_to_the_handler)
{
    thrum_executor *executors[] = {inline_new(), pool_of(1)};
    struct unhandled unhandled = {0};
    struct token token = {.code = -EIO};
    const struct token copied = {.code = -EIO};

    thrum_set_error_handler(unhandled_note, &unhandled);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(
            thrum_executor_submit(executors[i], token_task, &token, 0, NULL),
            0);
        assert_int_equal(thrum_executor_submit(executors[i], token_task,
                                               &copied, sizeof(copied), NULL),
                         0);
        executor_end(executors[i]);
        assert_int_equal(atomic_load(&unhandled.count), 2 * (i + 1));
        assert_int_equal(atomic_load(&unhandled.code), -EIO);
    }
    thrum_set_error_handler(NULL, NULL);
}

static void *returns_storage(void *arg)
{
    return thrum_return(arg, 5);
}

static void *returns_owned(void *arg)
{
    return thrum_return_owned(arg, token_free);
}

TEST(the_result_of_a_detached_task_is_freed)
{
    thrum_executor *executors[] = {inline_new(), pool_of(1)};
    struct token token = {0};

    for (unsigned i = 0; i < 2; i++) {
        thrum_future *future;

        assert_int_equal(thrum_executor_submit(executors[i], returns_storage,
                                               "five", 5, NULL),
                         0);
        assert_int_equal(
            thrum_executor_submit(executors[i], returns_owned, &token, 0, NULL),
            0);
        future = submit(executors[i], returns_owned, &token);
        thrum_future_unref(future);
        executor_end(executors[i]);
        assert_int_equal(atomic_load(&token.freed), 2 * (i + 1));
    }
}

TEST_MAIN("executor")
