/* SPDX-License-Identifier: MIT */
/*
 * test/api/no_execute_test.c - no stack of a process with greenlets may be
 * executed.
 *
 * The loader makes the stacks executable when any library asks for it, which
 * one does by an assembly file that does not say otherwise.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <thrum/generator.h>
#include <thrum/greenlet.h>

#include "thrum_test.h"

/* The permissions of the mapping that the address is in; "" if none. */
static void permissions_of(const volatile void *address, char *ret)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    uintptr_t at = (uintptr_t)address;
    char line[512];
    uintptr_t from;
    uintptr_t to;

    ret[0] = '\0';
    if (!CHECK(maps != NULL))
        return;
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, ret) ==
                3 &&
            from <= at && at < to)
            break;
        ret[0] = '\0';
    }
    fclose(maps);
}

/* Of the stack that it is called on. */
static void check_own_stack(void)
{
    volatile char here = 0;
    char permissions[8];

    permissions_of(&here, permissions);
    if (!CHECK(strcmp(permissions, "rw-p") == 0))
        fprintf(stderr, "# it has %s\n", permissions);
    here++;
}

static void *checks_and_ends(void *arg)
{
    check_own_stack();
    return arg;
}

TEST(the_process_has_a_stack_that_is_not_executed)
{
    check_own_stack();
}

TEST(a_thread_has_one)
{
    join_thread(spawn_thread(checks_and_ends, NULL));
}

TEST(a_greenlet_has_one)
{
    thrum_greenlet *g = NULL;

    assert_int_equal(thrum_greenlet_new(checks_and_ends, NULL, NULL, &g), 0);
    assert_int_equal(thrum_greenlet_switch(g, NULL, NULL), 0);
    thrum_greenlet_unref(g);
}

TEST(a_generator_has_one)
{
    thrum_generator *g = NULL;

    assert_int_equal(thrum_generator_new(checks_and_ends, NULL, 0, NULL, &g),
                     0);
    assert_int_equal(thrum_generator_next(g, NULL), THRUM_ESTOP);
    thrum_generator_unref(g);
}

TEST_MAIN("no_execute")
