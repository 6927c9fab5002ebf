/* SPDX-License-Identifier: MIT */
/*
 * test/unit/greenlet_faults_test.c - stacks that are not to be had (L31): the
 * system refuses memory or guards while greenlets are made.
 */
#include <errno.h>
#include <string.h>

#include <thrum.h>

#include "sys/fault.h"
#include "thrum_test.h"

/* A size that few use and no thread keeps for reuse. */
static thrum_stack_options stack_of(size_t size)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;

    options.stack_size = size;
    return options;
}

static void *echo(void *value)
{
    return value;
}

static bool fail_call(const char *call, void *arg)
{
    return strcmp(call, arg) == 0;
}

static bool fail_guards(const char *call, void *arg)
{
    return strcmp(call, "guard_install") == 0 || strcmp(call, "mprotect") == 0;
}

static void check_works(const thrum_stack_options *options)
{
    thrum_greenlet *greenlet = NULL;
    void *back = NULL;

    assert_int_equal(thrum_greenlet_new(echo, NULL, options, &greenlet), 0);
    assert_int_equal(thrum_greenlet_switch(greenlet, &greenlet, &back), 0);
    assert_ptr_equal(back, &greenlet);
    thrum_greenlet_unref(greenlet);
    thrum_stack_trim();
}

enum {
    MOST = 40
};

/* Makes greenlets until one is refused, since what was made ready before may be
 * used up first; the code of that, and all are let go. */
static int refusal_of(const thrum_stack_options *options)
{
    thrum_greenlet *taken[MOST] = {NULL};
    int rc = 0;
    int n = 0;

    while (n < MOST && rc == 0) {
        rc = thrum_greenlet_new(echo, NULL, options, &taken[n]);
        n += rc == 0;
    }
    assert_true(n == MOST || taken[n] == NULL);
    while (n > 0)
        thrum_greenlet_unref(taken[--n]);
    return rc;
}

TEST(L31_without_memory_for_stacks_there_is_no_greenlet)
{
    thrum_stack_options options = stack_of((size_t)4 * 1024 * 1024);
    char call[] = "mmap";

    thrumi_fault_set(fail_call, call);
    assert_int_equal(refusal_of(&options), -ENOMEM);
    thrumi_fault_set(NULL, NULL);
    check_works(&options);
}

TEST(L31_without_guards_it_says_estack)
{
    thrum_stack_options options = stack_of((size_t)16 * 1024 * 1024);

    thrumi_fault_set(fail_guards, NULL);
    assert_int_equal(refusal_of(&options), THRUM_ESTACK);
    options.unguarded = true; /* rather without */
    assert_int_equal(refusal_of(&options), 0);
    thrumi_fault_set(NULL, NULL);
    options.unguarded = false;
    check_works(&options);
}

/* The last of many has none, since none was to be had. */
TEST(L31_an_unguarded_stack_says_so)
{
    thrum_stack_options options = stack_of((size_t)16 * 1024 * 1024);
    thrum_stack_info info = THRUM_STACK_INFO;
    thrum_greenlet *taken[MOST] = {NULL};

    options.unguarded = true;
    thrumi_fault_set(fail_guards, NULL);
    for (int i = 0; i < MOST; i++)
        assert_int_equal(thrum_greenlet_new(echo, NULL, &options, &taken[i]),
                         0);
    thrumi_fault_set(NULL, NULL);
    assert_int_equal(thrum_greenlet_stack(taken[MOST - 1], &info), 0);
    assert_int_equal(info.guard_size, 0);
    for (int i = 0; i < MOST; i++)
        thrum_greenlet_unref(taken[i]);
}

TEST(L31_light_guards_that_fail_are_replaced)
{
    thrum_stack_options options = stack_of((size_t)64 * 1024 * 1024);
    thrum_greenlet *greenlet = NULL;
    thrum_stack_info info = THRUM_STACK_INFO;
    char call[] = "guard_install";

    thrumi_fault_set(fail_call, call);
    assert_int_equal(thrum_greenlet_new(echo, NULL, &options, &greenlet), 0);
    thrumi_fault_set(NULL, NULL);
    assert_int_equal(thrum_greenlet_stack(greenlet, &info), 0);
    assert_true(info.guard_size > 0);
    thrum_greenlet_unref(greenlet);
}

/* No new stack from here on, but what is kept can be used again. */
TEST(L31_a_stack_that_is_used_again_needs_no_call)
{
    thrum_greenlet *greenlet = NULL;

    check_works(NULL);
    assert_int_equal(thrum_greenlet_new(echo, NULL, NULL, &greenlet), 0);
    thrum_greenlet_unref(greenlet);
    thrumi_fault_set(fail_guards, NULL);
    assert_int_equal(thrum_greenlet_new(echo, NULL, NULL, &greenlet), 0);
    thrumi_fault_set(NULL, NULL);
    thrum_greenlet_unref(greenlet);
}

TEST_MAIN("greenlet-faults")
