/* SPDX-License-Identifier: MIT */
/*
 * deadline_test.c - deadlines and shields of blocks, in threads.
 */
#include <errno.h>

#include <thrum.h>

#include "futures.h"
#include "thrum_test.h"

static int wait_for(thrum_future *future)
{
    return thrum_future_result(future, THRUM_FOREVER, NULL);
}

TEST(S10_a_wait_ends_with_the_deadline_of_its_block)
{
    struct deal deal = deal_new();

    THRUM_WITH_DEADLINE(limit, thrum_in_ms(1)) {
        assert_int_equal(wait_for(deal.future), -ETIMEDOUT);
        assert_int_equal(wait_for(deal.future), -ETIMEDOUT); /* and again */
        assert_true(thrum_expired(&limit));
    }
    assert_true(thrum_expired(&limit));
    deal_end(&deal);
}

TEST(S10_the_one_that_fired_is_told_from_the_others)
{
    struct deal deal = deal_new();

    THRUM_WITH_DEADLINE(outer, thrum_in_ms(1)) {
        THRUM_WITH_DEADLINE(inner, thrum_in_s(1000)) {
            assert_int_equal(wait_for(deal.future), -ETIMEDOUT);
        }
        assert_false(thrum_expired(&inner));
    }
    assert_true(thrum_expired(&outer));
    THRUM_WITH_DEADLINE(wide, thrum_in_s(1000)) {
        THRUM_WITH_DEADLINE(narrow, thrum_in_ms(1)) {
            assert_int_equal(wait_for(deal.future), -ETIMEDOUT);
        }
        assert_true(thrum_expired(&narrow));
        assert_int_equal(thrum_future_result(deal.future, thrum_in_ms(1), NULL),
                         -ETIMEDOUT);
    }
    assert_false(thrum_expired(&wide)); /* it was the call's own */
    deal_end(&deal);
}

TEST(S10_a_deadline_that_never_comes_ends_nothing)
{
    thrum_future *done = future_with(NULL);

    THRUM_WITH_DEADLINE(limit, THRUM_FOREVER) {
        assert_int_equal(wait_for(done), 0);
    }
    assert_false(thrum_expired(&limit));
    thrum_future_unref(done);
}

TEST(S7_a_shield_hides_the_deadlines_outside)
{
    struct deal deal = deal_new();

    THRUM_WITH_DEADLINE(outer, THRUM_NOW) {
        THRUM_SHIELD
        {
            THRUM_WITH_DEADLINE(inner, thrum_in_ms(1)) {
                assert_int_equal(wait_for(deal.future), -ETIMEDOUT);
            }
            assert_true(thrum_expired(&inner));
        }
        assert_false(thrum_expired(&outer));
        assert_int_equal(wait_for(deal.future), -ETIMEDOUT);
    }
    assert_true(thrum_expired(&outer));
    deal_end(&deal);
}

static int leave_by_return(thrum_future *future)
{
    THRUM_WITH_DEADLINE(limit, THRUM_NOW) {
        return wait_for(future);
    }
    return 0;
}

TEST(S10_a_block_may_be_left_by_break_return_and_goto)
{
    struct deal deal = deal_new();

    assert_int_equal(leave_by_return(deal.future), -ETIMEDOUT);
    THRUM_WITH_DEADLINE(broken, THRUM_NOW) {
        break;
    }
    THRUM_WITH_DEADLINE(left, THRUM_NOW) {
        goto out;
    }
out:
    assert_int_equal(thrum_promise_set_result(deal.promise, NULL), 0);
    assert_int_equal(wait_for(deal.future), 0);
    assert_false(thrum_expired(&broken));
    deal_end(&deal);
}

TEST_MAIN("deadline")
