/* SPDX-License-Identifier: MIT */
/*
 * test/cxx/exceptions_test.c - C++ exceptions on the stacks of greenlets: L29.
 *
 * What the C++ runtime keeps for each thread of the exceptions that it handles
 * is each greenlet's own.
 */
#include "exceptions.h"

#include <signal.h>
#include <stdio.h>

#include "thrum_test.h"

TEST(L29_exceptions_are_caught_inside_of_a_greenlet)
{
    assert_int_equal(cxx_catch_inside(), 0);
}

TEST(L29_a_greenlet_may_switch_in_a_catch_block)
{
    assert_int_equal(cxx_switch_in_catch(), 0);
}

TEST(L29_a_destructor_may_switch_while_an_exception_flies)
{
    assert_int_equal(cxx_switch_while_unwinding(), 0);
}

TEST(L16_destructors_run_on_cancellation)
{
    assert_int_equal(cxx_destructors_on_cancel(), 0);
    assert_int_equal(cxx_destructors_on_unref(), 0);
}

static int throw_uncaught(void *arg)
{
    CHECK(freopen("/dev/null", "w", stderr) != NULL);
    return cxx_throw_uncaught(arg);
}

TEST(L29_an_uncaught_exception_ends_the_process)
{
    assert_int_equal(in_child(throw_uncaught, NULL), 128 + SIGABRT);
}

TEST_MAIN("cxx-exceptions")
