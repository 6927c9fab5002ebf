/* SPDX-License-Identifier: MIT */
/*
 * claim_test.c - who may know a descriptor: none, one, several, being closed.
 */
#include <thrum.h>

#include "hub/claim.h"
#include "sys/fork.h"
#include "thrum_test.h"

/* Any addresses do. */
static long hubs[2];
#define ONE ((struct thrumi_hub *)(void *)&hubs[0])
#define TWO ((struct thrumi_hub *)(void *)&hubs[1])

#define FD   2500
#define HIGH (1 << 20)

static struct thrumi_hub *take(int fd)
{
    struct thrumi_hub *was = thrumi_claim_take(fd);

    thrumi_claim_end(fd);
    return was;
}

TEST(a_number_that_nobody_has_claimed_is_nobodys)
{
    assert_null(take(FD));
    assert_null(take(FD));
}

TEST(one_that_has_claimed_it_more_than_once_is_one)
{
    assert_true(thrumi_claim_add(FD, ONE));
    assert_true(thrumi_claim_add(FD, ONE));
    assert_ptr_equal(take(FD), ONE);
    assert_null(take(FD));
}

TEST(two_are_several)
{
    assert_true(thrumi_claim_add(FD, ONE));
    assert_true(thrumi_claim_add(FD, TWO));
    assert_true(thrumi_claim_add(FD, ONE));
    assert_ptr_equal(take(FD), THRUMI_CLAIM_SEVERAL);
    assert_true(thrumi_claim_add(FD, TWO));
    assert_ptr_equal(take(FD), TWO);
}

TEST(numbers_beyond_the_pages_are_everybodys)
{
    assert_true(thrumi_claim_add(HIGH, ONE));
    assert_ptr_equal(take(HIGH), THRUMI_CLAIM_SEVERAL);
}

TEST(one_that_is_kept_is_nobodys_to_close)
{
    thrumi_claim_keep(FD);
    assert_ptr_equal(thrumi_claim_take(FD), THRUMI_CLAIM_KEPT);
    assert_true(thrumi_claim_add(FD, ONE));
    assert_ptr_equal(thrumi_claim_take(FD), THRUMI_CLAIM_KEPT);
    thrumi_claim_let_go(FD);
    assert_null(take(FD));
    thrumi_claim_let_go(FD);
    assert_true(thrumi_claim_add(FD, ONE));
    thrumi_claim_let_go(FD);
    assert_ptr_equal(take(FD), ONE);
}

static atomic_bool claimed;

static void *claim_run(void *arg)
{
    (void)arg;
    CHECK(thrumi_claim_add(FD, TWO));
    atomic_store(&claimed, true);
    return NULL;
}

TEST(nobody_claims_it_while_it_is_being_closed)
{
    struct test_thread *thread;

    atomic_store(&claimed, false);
    assert_true(thrumi_claim_add(FD, ONE));
    assert_ptr_equal(thrumi_claim_take(FD), ONE);
    thread = spawn_thread(claim_run, NULL);
    for (int i = 0; i < 100; i++)
        sched_yield();
    assert_false(atomic_load(&claimed));
    thrumi_claim_end(FD);
    join_thread(thread);
    assert_ptr_equal(take(FD), TWO);
}

static int claim_in_child(void *arg)
{
    (void)arg;
    CHECK(thrumi_claim_add(FD, TWO));
    CHECK(take(FD) == TWO);
    return 0;
}

/* The thread that was closing it is not there. */
TEST(a_close_that_a_fork_cut_short_is_over_in_the_child)
{
    (void)thrumi_fork_generation(); /* from now on forks are counted */
    assert_null(thrumi_claim_take(FD));
    assert_int_equal(in_child(claim_in_child, NULL), 0);
    thrumi_claim_end(FD);
}

TEST(without_memory_for_a_page_it_is_told)
{
    static bool made; /* in the run before: pages stay */

    if (!made) {
        faulty_alloc_fail_nth(1);
        assert_false(thrumi_claim_add(700000, ONE));
    }
    made = true;
    assert_true(thrumi_claim_add(700000, ONE));
    assert_ptr_equal(take(700000), ONE);
}

TEST_MAIN("claim")
