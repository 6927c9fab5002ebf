/* SPDX-License-Identifier: MIT */
/*
 * test/api/return_test.c - results that the future owns: copied, filled in
 * place, or freed by a function. Each is freed once, whatever comes of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "futures.h"

static void *run(thrum_fn *fn, void *arg, thrum_future **ret_future)
{
    thrum_executor *here = inline_new();
    void *result = NULL;

    *ret_future = submit(here, fn, arg);
    assert_int_equal(thrum_future_result(*ret_future, THRUM_NOW, &result), 0);
    executor_end(here);
    return result;
}

static void *pointer_task(void *arg)
{
    return arg;
}

TEST(a_plain_pointer_is_handed_over_as_it_is)
{
    thrum_future *future;

    assert_ptr_equal(run(pointer_task, &future, &future), &future);
    assert_int_equal(thrum_future_result_size(future), 0);
    thrum_future_unref(future);
}

static void *copy_task(void *arg)
{
    char text[] = "on the stack";

    return thrum_return(text, sizeof(text));
}

TEST(return_copies)
{
    thrum_future *future;
    const char *result = run(copy_task, NULL, &future);

    assert_string_equal(result, "on the stack");
    assert_int_equal(thrum_future_result_size(future), sizeof("on the stack"));
    assert_int_equal((uintptr_t)result % _Alignof(max_align_t), 0);
    thrum_future_unref(future);
}

static void *fill_task(void *arg)
{
    size_t *size = arg;
    char *storage = thrum_return_alloc(*size);

    if (storage != NULL)
        memset(storage, 7, *size);
    return storage;
}

TEST(return_alloc_is_filled_in_place)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 1000003};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t size = sizes[i];
        thrum_future *future;
        const char *result = run(fill_task, &size, &future);

        assert_non_null(result);
        assert_int_equal(thrum_future_result_size(future), size);
        for (size_t k = 0; k < size; k++)
            if (result[k] != 7)
                fail_msg("byte %zu of %zu", k, size);
        thrum_future_unref(future);
    }
}

/* ---- owned pointers ---- */

static atomic_uint freed;

static void count_free(void *arg)
{
    atomic_fetch_add(&freed, 1);
    free(arg);
}

static void *owned_task(void *arg)
{
    return thrum_return_owned(strdup("owned"), count_free);
}

TEST(return_owned_is_freed_at_the_last_unref)
{
    thrum_future *future;
    const char *result;

    atomic_store(&freed, 0);
    result = run(owned_task, NULL, &future);
    thrum_future_unref(thrum_future_ref(future));
    assert_string_equal(result, "owned");
    assert_int_equal(thrum_future_result_size(future), 0);
    assert_int_equal(atomic_load(&freed), 0);
    thrum_future_unref(future);
    assert_int_equal(atomic_load(&freed), 1);
}

static void *owned_but_other_task(void *arg)
{
    (void)thrum_return_owned(strdup("not returned"), count_free);
    return arg;
}

static void *owned_but_raise_task(void *arg)
{
    (void)thrum_return_owned(strdup("not returned"), count_free);
    return thrum_raise(-EIO, "after all");
}

static void *owned_twice_task(void *arg)
{
    (void)thrum_return_owned(strdup("given up"), count_free);
    CHECK_INT(atomic_load(&freed), 0);
    return thrum_return_owned(strdup("the last counts"), count_free);
}

static void *owned_then_copy_task(void *arg)
{
    (void)thrum_return_owned(strdup("given up"), count_free);
    return thrum_return("copy", 5);
}

/* Given up when the body returns anything else. */
TEST(an_owned_pointer_that_is_not_returned_is_freed)
{
    thrum_executor *here = inline_new();
    thrum_future *future;

    atomic_store(&freed, 0);
    assert_ptr_equal(run(owned_but_other_task, here, &future), here);
    assert_int_equal(thrum_future_result_size(future), 0);
    assert_int_equal(atomic_load(&freed), 1);
    thrum_future_unref(future);
    future = submit(here, owned_but_raise_task, NULL);
    assert_int_equal(error_code_of(future), -EIO);
    assert_int_equal(atomic_load(&freed), 2);
    thrum_future_unref(future);
    assert_int_equal(atomic_load(&freed), 2);
    executor_end(here);
}

TEST(only_the_last_return_counts)
{
    thrum_future *future;

    atomic_store(&freed, 0);
    assert_string_equal(run(owned_twice_task, NULL, &future),
                        "the last counts");
    assert_int_equal(atomic_load(&freed), 1);
    thrum_future_unref(future);
    assert_int_equal(atomic_load(&freed), 2);
    atomic_store(&freed, 0);
    assert_string_equal(run(owned_then_copy_task, NULL, &future), "copy");
    assert_int_equal(thrum_future_result_size(future), 5);
    assert_int_equal(atomic_load(&freed), 1);
    thrum_future_unref(future);
    assert_int_equal(atomic_load(&freed), 1);
}

/* ---- nobody there to take it ---- */

static void *owned_after_gate_task(void *gate)
{
    gate_wait(gate);
    return thrum_return_owned(strdup("owned"), count_free);
}

/* F42, and design: unref detaches, the result is freed when it settles. */
TEST(F42_the_result_of_a_dropped_future_is_freed)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(1);
    thrum_future *future = submit(pool, owned_after_gate_task, &gate);

    atomic_store(&freed, 0);
    WAIT_UNTIL(thrum_future_running(future));
    thrum_future_unref(future);
    gate_open(&gate);
    executor_end(pool);
    assert_int_equal(atomic_load(&freed), 1);
}

TEST(the_result_of_a_detached_task_is_freed)
{
    thrum_executor *executors[] = {inline_new(), pool_of(1)};

    for (int i = 0; i < 2; i++) {
        atomic_store(&freed, 0);
        assert_int_equal(
            thrum_executor_submit(executors[i], owned_task, NULL, 0, NULL), 0);
        assert_int_equal(
            thrum_executor_submit(executors[i], owned_task, "copied", 7, NULL),
            0);
        executor_end(executors[i]);
        assert_int_equal(atomic_load(&freed), 2);
    }
}

/* ---- nested bodies ---- */

static void *outer_task(void *executor)
{
    char *storage = thrum_return_alloc(6);
    thrum_future *inner = NULL;

    CHECK_INT(thrum_executor_submit(executor, copy_task, NULL, 0, &inner), 0);
    CHECK_INT((long)thrum_future_result_size(inner), sizeof("on the stack"));
    thrum_future_unref(inner);
    strcpy(storage, "outer");
    return storage;
}

TEST(return_acts_on_the_innermost_body)
{
    thrum_executor *here = inline_new();
    thrum_future *future;

    assert_string_equal(run(outer_task, here, &future), "outer");
    assert_int_equal(thrum_future_result_size(future), 6);
    thrum_future_unref(future);
    executor_end(here);
}

/* ---- failing ---- */

static void *return_without_memory_task(void *arg)
{
    void *result;

    faulty_alloc_fail_nth(1);
    result = thrum_return("text", 5);
    CHECK(result == NULL);
    faulty_alloc_fail_nth(1);
    CHECK(thrum_return_alloc(100) == NULL);
    faulty_alloc_fail_nth(1);
    CHECK(thrum_return_owned(strdup("freed at once"), count_free) == NULL);
    faulty_alloc_fail_nth(0);
    CHECK_INT(atomic_load(&freed), 1);
    return result;
}

TEST(no_memory_for_a_result_is_an_error)
{
    thrum_executor *here = inline_new();
    thrum_future *future;

    atomic_store(&freed, 0);
    future = submit(here, return_without_memory_task, NULL);
    assert_int_equal(error_code_of(future), -ENOMEM);
    thrum_future_unref(future);
    executor_end(here);
    assert_int_equal(atomic_load(&freed), 1);
}

static void on_error(const thrum_error *error, void *arg)
{
    CHECK_INT(error->code, THRUM_ECONTEXT);
    ++*(unsigned *)arg;
}

TEST(return_outside_of_a_body_is_an_error)
{
    unsigned heard = 0;

    atomic_store(&freed, 0);
    thrum_set_error_handler(on_error, &heard);
    assert_null(thrum_return("text", 5));
    assert_null(thrum_return_alloc(5));
    assert_null(thrum_return_owned(strdup("freed at once"), count_free));
    thrum_set_error_handler(NULL, NULL);
    assert_int_equal(heard, 3);
    assert_int_equal(atomic_load(&freed), 1);
}

static void *too_much_task(void *arg)
{
    return thrum_return_alloc(SIZE_MAX);
}

TEST(a_result_that_is_too_large_is_an_error)
{
    thrum_executor *here = inline_new();
    thrum_future *future = submit(here, too_much_task, NULL);

    assert_int_equal(error_code_of(future), -ENOMEM);
    thrum_future_unref(future);
    executor_end(here);
}

TEST_MAIN("return")
