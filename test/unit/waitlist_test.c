/* SPDX-License-Identifier: MIT */
/*
 * test/unit/waitlist_test.c - the list of those who wait for one thing.
 */
#include "task/waitlist.h"

#include <errno.h>

#include "thrum_test.h"

static struct thrumi_parking parking;

static void nodes_add(struct thrumi_waitlist *list,
                      struct thrumi_waitnode *nodes, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        thrumi_waitnode_init(&nodes[i], &parking);
        thrumi_waitlist_add(list, &nodes[i]);
    }
}

TEST(the_oldest_is_taken_first)
{
    struct thrumi_waitlist list = {NULL};
    struct thrumi_waitnode nodes[3];

    assert_true(thrumi_waitlist_empty(&list));
    assert_null(thrumi_waitlist_take(&list));
    nodes_add(&list, nodes, 3);
    assert_ptr_equal(thrumi_waitlist_first(&list), &nodes[0]);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(thrumi_waitlist_take(&list), &nodes[i]);
        assert_false(thrumi_waitlist_remove(&list, &nodes[i]));
    }
    assert_null(thrumi_waitlist_take(&list));
    assert_true(thrumi_waitlist_empty(&list));
}

TEST(any_of_them_can_be_removed)
{
    for (unsigned gone = 0; gone < 3; gone++) {
        struct thrumi_waitlist list = {NULL};
        struct thrumi_waitnode nodes[3];

        nodes_add(&list, nodes, 3);
        assert_true(thrumi_waitlist_remove(&list, &nodes[gone]));
        assert_false(thrumi_waitlist_remove(&list, &nodes[gone]));
        for (unsigned i = 0; i < 3; i++)
            if (i != gone)
                assert_ptr_equal(thrumi_waitlist_take(&list), &nodes[i]);
        assert_true(thrumi_waitlist_empty(&list));
    }
}

TEST(those_taken_at_once_keep_their_order)
{
    struct thrumi_waitlist list = {NULL};
    struct thrumi_waitnode nodes[3];
    struct thrumi_waitnode *first;

    assert_null(thrumi_waitlist_take_all(&list));
    nodes_add(&list, nodes, 3);
    first = thrumi_waitlist_take_all(&list);
    for (int i = 0; i < 3; i++, first = first->after)
        assert_ptr_equal(first, &nodes[i]);
    assert_null(first);
    assert_true(thrumi_waitlist_empty(&list));
}

TEST(of_a_select_one_node_is_taken)
{
    struct thrumi_waitlist lists[2] = {{NULL}, {NULL}};
    struct thrumi_waitnode node[2];
    struct thrumi_waitnode other;
    atomic_uint claim = THRUMI_UNCLAIMED;

    for (unsigned i = 0; i < 2; i++) {
        thrumi_waitnode_init_choice(&node[i], &parking, &claim, i + 1);
        thrumi_waitlist_add(&lists[i], &node[i]);
    }
    thrumi_waitnode_init(&other, &parking);
    thrumi_waitlist_add(&lists[0], &other);

    assert_ptr_equal(thrumi_waitlist_take(&lists[1]), &node[1]);
    assert_int_equal(claim, 2);
    assert_ptr_equal(thrumi_waitlist_take(&lists[0]), &other);
    assert_false(thrumi_waitlist_remove(&lists[0], &node[0]));
    assert_false(thrumi_claim(&claim, THRUMI_GAVE_UP));
}

TEST(a_select_that_gave_up_is_given_nothing)
{
    struct thrumi_waitlist list = {NULL};
    struct thrumi_waitnode node;
    atomic_uint claim = THRUMI_UNCLAIMED;

    thrumi_waitnode_init_choice(&node, &parking, &claim, 1);
    thrumi_waitlist_add(&list, &node);
    assert_true(thrumi_claim(&claim, THRUMI_GAVE_UP));
    assert_null(thrumi_waitlist_take_all(&list));
    assert_true(thrumi_waitlist_empty(&list));
}

/* ---- with threads ---- */

struct place {
    struct thrumi_mutex lock;
    struct thrumi_waitlist list;
    atomic_uint parked;
};

static void *wait_for_ever(void *arg)
{
    struct place *place = arg;
    struct thrumi_parking own;
    struct thrumi_waitnode node;

    thrumi_parking_init(&own);
    thrumi_waitnode_init(&node, &own);
    thrumi_mutex_lock(&place->lock);
    thrumi_waitlist_add(&place->list, &node);
    atomic_fetch_add(&place->parked, 1);
    CHECK_INT(
        thrumi_waitlist_park(&place->list, &node, &place->lock, THRUM_FOREVER),
        0);
    return NULL;
}

TEST(a_thread_parks_until_it_is_taken_and_woken)
{
    struct place place = {.list = {NULL}};
    struct test_thread *threads[4];
    struct thrumi_waitnode *all;

    for (int i = 0; i < 4; i++)
        threads[i] = spawn_thread(wait_for_ever, &place);
    WAIT_UNTIL(atomic_load(&place.parked) == 4);
    thrumi_mutex_lock(&place.lock);
    all = thrumi_waitlist_take_all(&place.list);
    thrumi_mutex_unlock(&place.lock);
    thrumi_waitnode_wake_all(all);
    for (int i = 0; i < 4; i++)
        join_thread(threads[i]);
}

TEST(past_its_deadline_it_is_off_the_list)
{
    struct place place = {.list = {NULL}};
    struct thrumi_parking own;
    struct thrumi_waitnode node;

    thrumi_parking_init(&own);
    thrumi_waitnode_init(&node, &own);
    thrumi_mutex_lock(&place.lock);
    thrumi_waitlist_add(&place.list, &node);
    assert_int_equal(
        thrumi_waitlist_park(&place.list, &node, &place.lock, thrum_in_ms(1)),
        -ETIMEDOUT);
    assert_true(thrumi_waitlist_empty(&place.list));
}

static void *wake_node(void *node)
{
    thrumi_waitnode_wake(node);
    return NULL;
}

/* It was given something, and its deadline comes before the wake. */
TEST(one_that_was_taken_has_succeeded_past_its_deadline)
{
    struct place place = {.list = {NULL}};
    struct thrumi_parking own;
    struct thrumi_waitnode node;
    struct test_thread *waker;

    thrumi_parking_init(&own);
    thrumi_waitnode_init(&node, &own);
    thrumi_mutex_lock(&place.lock);
    thrumi_waitlist_add(&place.list, &node);
    assert_ptr_equal(thrumi_waitlist_take(&place.list), &node);
    waker = spawn_thread(wake_node, &node);
    assert_int_equal(
        thrumi_waitlist_park(&place.list, &node, &place.lock, THRUM_NOW), 0);
    join_thread(waker);
}

/* ---- the whole of a wait ---- */

static void *look_until_taken(void *arg)
{
    struct place *place = arg;

    thrumi_mutex_lock(&place->lock);
    atomic_fetch_add(&place->parked, 1);
    CHECK_INT(thrumi_waitlist_wait(&place->list, &place->lock, "a test", NULL,
                                   THRUM_FOREVER),
              0);
    atomic_fetch_sub(&place->parked, 1); /* with the lock, as before */
    thrumi_mutex_unlock(&place->lock);
    return NULL;
}

/* Whoever is woken under the lock goes on when that is free. */
TEST(a_whole_wait_has_the_lock_again)
{
    struct place place = {.list = {NULL}};
    struct test_thread *thread = spawn_thread(look_until_taken, &place);

    WAIT_UNTIL(atomic_load(&place.parked) == 1);
    thrumi_mutex_lock(&place.lock);
    thrumi_waitnode_wake_all(thrumi_waitlist_take_all(&place.list));
    assert_int_equal(atomic_load(&place.parked), 1);
    thrumi_mutex_unlock(&place.lock);
    join_thread(thread);
}

TEST(a_whole_wait_ends_at_its_deadline)
{
    struct place place = {.list = {NULL}};

    thrumi_mutex_lock(&place.lock);
    assert_int_equal(thrumi_waitlist_wait(&place.list, &place.lock, "a test",
                                          NULL, THRUM_NOW),
                     -ETIMEDOUT);
    assert_int_equal(thrumi_waitlist_wait(&place.list, &place.lock, "a test",
                                          NULL, thrum_in_ms(1)),
                     -ETIMEDOUT);
    assert_true(thrumi_waitlist_empty(&place.list));
    thrumi_mutex_unlock(&place.lock);
}

TEST_MAIN("waitlist")
