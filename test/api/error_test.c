/* SPDX-License-Identifier: MIT */
/*
 * test/api/error_test.c - codes, raising, and where errors go.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "futures.h"

/* ---- codes ---- */

TEST(every_code_has_a_text_of_its_own)
{
    static const int codes[] = {
#define CODE(name, value, text) THRUM_##name,
        THRUM_ERRORS(CODE)
#undef CODE
    };
    size_t count = sizeof(codes) / sizeof(codes[0]);

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(codes[i], codes[k]);
            assert_string_not_equal(thrum_strerror(codes[i]),
                                    thrum_strerror(codes[k]));
        }
    assert_string_equal(thrum_strerror(THRUM_ESTOP), "no more items");
}

TEST(strerror_knows_errno_and_what_is_none)
{
    assert_string_equal(thrum_strerror(-ENOENT), strerror(ENOENT));
    assert_string_equal(thrum_strerror(-ETIMEDOUT), strerror(ETIMEDOUT));
    assert_true(strlen(thrum_strerror(0)) > 0);
    assert_true(strlen(thrum_strerror(-4000)) > 0);
    assert_true(strlen(thrum_strerror(-5000)) > 0);
    assert_true(strlen(thrum_strerror(THRUM_EUSER)) > 0);
    assert_true(strlen(thrum_strerror(THRUM_EUSER - 1)) > 0);
    assert_true(strlen(thrum_strerror(INT32_MIN)) > 0);
    assert_true(strlen(thrum_strerror(INT32_MAX)) > 0);
}

/* ---- raising ---- */

static int raise_line;

static void *raise_task(void *arg)
{
    raise_line = __LINE__ + 1;
    return thrum_raise(THRUM_EUSER - 3, "%s at %d", "broken", 7);
}

TEST(raise_says_code_message_and_place)
{
    thrum_executor *here = inline_new();
    thrum_future *future = submit(here, raise_task, NULL);
    const thrum_error *error = NULL;

    assert_int_equal(thrum_future_result(future, THRUM_NOW, NULL),
                     THRUM_EFAILED);
    assert_int_equal(thrum_future_exception(future, THRUM_NOW, &error), 0);
    assert_int_equal(error->code, THRUM_EUSER - 3);
    assert_string_equal(error->message, "broken at 7");
    assert_non_null(strstr(error->file, "error_test.c"));
    assert_int_equal(error->line, raise_line);
    assert_null(error->cause);
    assert_int_equal(error->pid, 0);
    assert_int_equal(error->signal, 0);
    thrum_future_unref(future);
    executor_end(here);
}

static void *raise_three_task(void *arg)
{
    thrum_raise(-ENOENT, "first");
    CHECK_INT(thrum_error_pending()->code, -ENOENT);
    thrum_raise(-EIO, "second");
    CHECK_INT(thrum_error_pending()->code, -EIO);
    return thrum_raise(-EPIPE, "third");
}

TEST(a_second_raise_takes_the_first_as_its_cause)
{
    thrum_executor *here = inline_new();
    thrum_future *future = submit(here, raise_three_task, NULL);
    const thrum_error *error = NULL;

    assert_int_equal(thrum_future_exception(future, THRUM_NOW, &error), 0);
    assert_int_equal(error->code, -EPIPE);
    assert_int_equal(error->cause->code, -EIO);
    assert_string_equal(error->cause->cause->message, "first");
    assert_null(error->cause->cause->cause);
    thrum_future_unref(future);
    executor_end(here);
}

static void *raise_but_return_task(void *arg)
{
    thrum_raise(-EIO, "never mind");
    return arg;
}

static void *raise_and_clear_task(void *arg)
{
    CHECK(thrum_error_pending() == NULL);
    thrum_raise(-EIO, "never mind");
    CHECK(thrum_error_pending() != NULL);
    thrum_error_clear();
    CHECK(thrum_error_pending() == NULL);
    thrum_error_clear();
    return NULL;
}

/* It fails if and only if it returns NULL while an error is pending. */
TEST(a_value_drops_the_error)
{
    thrum_executor *here = inline_new();
    thrum_future *value = submit(here, raise_but_return_task, here);
    thrum_future *cleared = submit(here, raise_and_clear_task, NULL);
    thrum_future *null = submit(here, raise_but_return_task, NULL);
    void *result = NULL;

    assert_int_equal(thrum_future_result(value, THRUM_NOW, &result), 0);
    assert_ptr_equal(result, here);
    assert_int_equal(thrum_future_result(cleared, THRUM_NOW, &result), 0);
    assert_null(result);
    assert_int_equal(thrum_future_result(null, THRUM_NOW, NULL), THRUM_EFAILED);
    thrum_future_unref(value);
    thrum_future_unref(cleared);
    thrum_future_unref(null);
    executor_end(here);
}

/* An inner body that fails leaves the outer one as it was. */
static void *nest_task(void *executor)
{
    thrum_future *inner = NULL;

    thrum_raise(-ENOENT, "outer");
    CHECK_INT(thrum_executor_submit(executor, raise_task, NULL, 0, &inner), 0);
    CHECK_INT(thrum_error_pending()->code, -ENOENT);
    CHECK(thrum_error_pending()->cause == NULL);
    CHECK_INT(error_code_of(inner), THRUM_EUSER - 3);
    thrum_future_unref(inner);
    thrum_error_clear();
    return executor;
}

TEST(raise_acts_on_the_innermost_body)
{
    thrum_executor *here = inline_new();
    thrum_executor *pool = pool_of(1);
    thrum_future *nested = submit(here, nest_task, here);
    thrum_future *on_worker = submit(pool, nest_task, here);

    assert_int_equal(thrum_future_result(nested, THRUM_NOW, NULL), 0);
    assert_int_equal(thrum_future_result(on_worker, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(nested);
    thrum_future_unref(on_worker);
    executor_end(pool);
    executor_end(here);
}

static void *raise_long_task(void *arg)
{
    return thrum_raise(-EIO, "%s", (const char *)arg);
}

TEST(a_message_of_any_length_is_kept)
{
    size_t length = 100000;
    char *text = calloc(1, length + 1);
    thrum_executor *here = inline_new();
    const thrum_error *error = NULL;
    thrum_future *future;

    memset(text, 'm', length);
    future = submit(here, raise_long_task, text);
    assert_int_equal(thrum_future_exception(future, THRUM_NOW, &error), 0);
    assert_string_equal(error->message, text);
    thrum_future_unref(future);
    executor_end(here);
    free(text);
}

/* Out of memory keeps the code and loses the message. */
static void *raise_without_memory_task(void *arg)
{
    faulty_alloc_fail_nth(1);
    thrum_raise(THRUM_EUSER - 11, "a message that nobody will read");
    CHECK(faulty_alloc_fired());
    faulty_alloc_fail_nth(0);
    return NULL;
}

TEST(raise_without_memory_keeps_the_code)
{
    thrum_executor *here = inline_new();
    thrum_future *future = submit(here, raise_without_memory_task, NULL);
    const thrum_error *error = NULL;

    assert_int_equal(thrum_future_exception(future, THRUM_NOW, &error), 0);
    assert_int_equal(error->code, THRUM_EUSER - 11);
    assert_non_null(error->message);
    thrum_future_unref(future);
    executor_end(here);
}

/* ---- errors that nobody asks for ---- */

struct heard {
    int count;
    int code;
    char message[100];
};

static void on_error(const thrum_error *error, void *arg)
{
    struct heard *heard = arg;

    heard->count++;
    heard->code = error->code;
    snprintf(heard->message, sizeof(heard->message), "%s", error->message);
}

static void on_log(thrum_log_level level, const char *message, void *arg)
{
    struct heard *heard = arg;

    heard->count++;
    heard->code = (int)level;
    snprintf(heard->message, sizeof(heard->message), "%s", message);
}

TEST(raise_outside_of_a_body_goes_to_the_handler)
{
    struct heard heard = {0};

    thrum_set_error_handler(on_error, &heard);
    assert_null(thrum_raise(-EIO, "outside %d", 1));
    assert_null(thrum_error_pending());
    thrum_error_clear();
    thrum_set_error_handler(NULL, NULL);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.code, -EIO);
    assert_string_equal(heard.message, "outside 1");
}

TEST(without_a_handler_it_goes_to_the_log)
{
    struct heard heard = {0};

    thrum_raise(-EIO, "nobody hears this");
    thrum_set_log(on_log, &heard);
    thrum_raise(-EIO, "outside %d", 2);
    thrum_set_log(NULL, NULL);
    thrum_raise(-EIO, "nobody hears this");
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.code, THRUM_LOG_ERROR);
    assert_non_null(strstr(heard.message, "outside 2"));
}

TEST(a_detached_task_s_error_goes_to_the_handler)
{
    struct heard heard = {0};
    thrum_executor *executors[] = {inline_new(), pool_of(1)};

    thrum_set_error_handler(on_error, &heard);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            thrum_executor_submit(executors[i], raise_task, NULL, 0, NULL), 0);
        assert_int_equal(
            thrum_executor_submit(executors[i], raise_task, "copied", 7, NULL),
            0);
        executor_end(executors[i]);
        assert_int_equal(heard.count, 2 * (i + 1));
        assert_int_equal(heard.code, THRUM_EUSER - 3);
    }
    thrum_set_error_handler(NULL, NULL);
}

/* Somebody had the chance to ask: it is not reported too. */
TEST(the_error_of_a_dropped_future_goes_nowhere)
{
    struct heard heard = {0};
    thrum_executor *here = inline_new();

    thrum_set_error_handler(on_error, &heard);
    thrum_future_unref(submit(here, raise_task, NULL));
    thrum_future_unref(future_failed(-EIO));
    executor_end(here);
    thrum_set_error_handler(NULL, NULL);
    assert_int_equal(heard.count, 0);
}

/* ---- printing ---- */

TEST(error_print_writes_a_line_for_each_cause)
{
    thrum_executor *here = inline_new();
    thrum_future *future = submit(here, raise_three_task, NULL);
    const thrum_error *error = NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    unsigned lines = 0;

    assert_int_equal(thrum_future_exception(future, THRUM_NOW, &error), 0);
    thrum_error_print(error, stream);
    thrum_error_print(NULL, stream);
    fclose(stream);
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, 3);
    assert_non_null(strstr(text, "third"));
    assert_non_null(strstr(text, strerror(EIO)));
    assert_non_null(strstr(text, "error_test.c"));
    free(text);
    thrum_future_unref(future);
    executor_end(here);
}

TEST_MAIN("error")
