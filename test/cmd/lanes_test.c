/* SPDX-License-Identifier: MIT */
/*
 * lanes_test.c - who gets which lane.
 */
#include "thrum_test.h"

#include <sys/wait.h>
#include <unistd.h>

#include "lanes.h"

/* The number of a process that is gone. */
static int gone(void)
{
    int pid = fork();

    if (pid == 0)
        _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return pid;
}

TEST(a_thread_keeps_its_lane_for_a_run)
{
    struct lanes first;
    struct lanes second;

    assert_int_equal(lanes_init(&first, 1, 2), 0);
    assert_int_equal(lanes_init(&second, 2, 2), 0);
    atomic_store(&second.next, 1); /* another thread was first */
    assert_int_equal(lanes_of_thread(&first), 0);
    assert_int_equal(lanes_of_thread(&first), 0);
    assert_int_equal(lanes_of_thread(&second), 1);
    assert_int_equal(lanes_of_thread(&second), 1);
    lanes_fini(&first);
    lanes_fini(&second);
}

TEST(a_lane_that_was_given_back_is_taken_first)
{
    struct lanes lanes;

    assert_int_equal(lanes_init(&lanes, 1, 3), 0);
    assert_int_equal(lanes_take(&lanes), 0);
    assert_int_equal(lanes_take(&lanes), 1);
    assert_int_equal(lanes_take(&lanes), 2);
    lanes_release(&lanes, 1);
    assert_int_equal(lanes_take(&lanes), 1);
    lanes_release(&lanes, 2);
    lanes_release(&lanes, 0);
    assert_int_equal(lanes_take(&lanes), 0);
    assert_int_equal(lanes_take(&lanes), 2);
    lanes_fini(&lanes);
}

TEST(a_process_gets_the_lane_of_one_that_is_gone)
{
    struct lanes lanes;
    int dead = gone();

    assert_int_equal(lanes_init(&lanes, 1, 3), 0);
    assert_int_equal(lanes_of_process(&lanes, getppid(), 0), 0);
    assert_int_equal(lanes_of_process(&lanes, dead, 10), 1);
    assert_int_equal(lanes_of_process(&lanes, dead, 5), 1);
    assert_int_equal(lanes_of_process(&lanes, getpid(), 20), 1);
    assert_int_equal(lanes_of_process(&lanes, getppid(), 7), 0);
    assert_int_equal(lanes_peak_kib(&lanes), 27);
    lanes_fini(&lanes);
}

TEST(one_too_many_gets_the_last_lane)
{
    struct lanes lanes;

    assert_int_equal(lanes_init(&lanes, 1, 1), 0);
    assert_int_equal(lanes_of_process(&lanes, getppid(), 0), 0);
    assert_int_equal(lanes_of_process(&lanes, getpid(), 0), 0);
    lanes_fini(&lanes);
}

TEST_MAIN("lanes")
