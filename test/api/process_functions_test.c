/* SPDX-License-Identifier: MIT */
/*
 * test/api/process_functions_test.c - functions of objects that are loaded
 * later, and of others than those that the worker finds.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "processes.h"

static thrum_fn *plugin_function(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol;
    thrum_fn *fn = NULL;

    if (handle == NULL)
        fail_msg("%s", dlerror());
    symbol = dlsym(handle, "plugin_version");
    assert_non_null(symbol);
    memcpy(&fn, &symbol, sizeof(fn));
    return fn;
}

static void copy_file(const char *from, const char *to)
{
    char command[1024];

    snprintf(command, sizeof(command), "cp %s %s", from, to);
    assert_int_equal(system(command), 0);
}

TEST(a_function_of_an_object_that_was_loaded_later)
{
    thrum_executor *pool = processes_of(2);
    thrum_fn *fn;

    assert_int_equal(number_and_unref(send(pool, square_task, 3)), 9);
    fn = plugin_function(PLUGIN_ONE);
    for (int i = 0; i < 10; i++)
        assert_int_equal(number_and_unref(send(pool, fn, i)), i);
    executor_end(pool);
}

TEST(functions_of_two_objects_are_told_apart)
{
    thrum_executor *pool = processes_of(1);
    thrum_fn *one = plugin_function(PLUGIN_ONE);
    thrum_fn *two = plugin_function(PLUGIN_TWO);

    assert_int_equal(number_and_unref(send(pool, one, 7)), 7);
    assert_int_equal(number_and_unref(send(pool, two, 7)), 14);
    assert_int_equal(number_and_unref(send(pool, one, 8)), 8);
    executor_end(pool);
}

/* The file is not the one any more that the program has loaded. */
TEST(a_function_of_another_version_is_not_called)
{
    char path[64];
    thrum_executor *pool = processes_of(1);
    thrum_future *future;
    thrum_fn *fn;

    snprintf(path, sizeof(path), "/tmp/thrum-plugin-%d.so", (int)getpid());
    unlink(path);
    copy_file(PLUGIN_ONE, path);
    fn = plugin_function(path);
    unlink(path);
    copy_file(PLUGIN_TWO, path);
    future = send(pool, fn, 3);
    assert_int_equal(failure_of(future)->code, -ELIBBAD);
    assert_non_null(strstr(failure_of(future)->message, path));
    thrum_future_unref(future);
    assert_int_equal(number_and_unref(send(pool, square_task, 3)), 9);
    executor_end(pool);
    unlink(path);
}

TEST(a_function_of_an_object_that_is_gone)
{
    char path[64];
    thrum_executor *pool = processes_of(1);
    thrum_future *future;
    thrum_fn *fn;

    snprintf(path, sizeof(path), "/tmp/thrum-gone-%d.so", (int)getpid());
    copy_file(PLUGIN_ONE, path);
    fn = plugin_function(path);
    unlink(path);
    future = send(pool, fn, 3);
    /* the same object may be there by another path */
    if (thrum_future_result(future, THRUM_FOREVER, (void *[1]){NULL}) != 0)
        assert_int_equal(failure_of(future)->code, -ELIBACC);
    thrum_future_unref(future);
    executor_end(pool);
}

PROCESSES_MAIN("process_functions")
