/* SPDX-License-Identifier: MIT */
/*
 * test/api/greenlet_test.c - what a greenlet is, making one, switching: L1 to
 * L8. How one ends: greenlet_end_test.c.
 */
#include "greenlets.h"

/* ---- L1: the main greenlet ---- */

static void check_main(void)
{
    thrum_greenlet *main = thrum_greenlet_current();
    thrum_greenlet *other = greenlet_of(echo, NULL);

    CHECK(main != NULL);
    CHECK(thrum_greenlet_current() == main);
    CHECK(thrum_greenlet_parent(main) == NULL);
    CHECK_INT(thrum_greenlet_get_state(main), THRUM_GREENLET_ACTIVE);
    CHECK(thrum_greenlet_active(main));
    CHECK(!thrum_greenlet_dead(main));
    CHECK(thrum_greenlet_error(main) == NULL);
    CHECK_INT(thrum_greenlet_set_parent(main, other), THRUM_EBADSWITCH);
    CHECK_INT(thrum_greenlet_set_parent(main, main), THRUM_EBADSWITCH);
    CHECK_INT(thrum_greenlet_set_parent(main, NULL), -EINVAL);
    CHECK_INT(thrum_greenlet_set_fn(main, echo), THRUM_ESTATE);
    CHECK(thrum_greenlet_parent(main) == NULL);
    thrum_greenlet_unref(other);
}

static void *check_other_main(void *arg)
{
    CHECK(thrum_greenlet_current() != arg);
    check_main();
    return NULL;
}

TEST(L1_each_thread_has_a_main_greenlet)
{
    check_main();
    join_thread(spawn_thread(check_other_main, thrum_greenlet_current()));
}

TEST(L1_the_main_greenlet_has_no_stack_of_ours)
{
    thrum_stack_info info = THRUM_STACK_INFO;

    assert_int_equal(thrum_greenlet_stack(thrum_greenlet_current(), &info),
                     THRUM_ESTATE);
}

/* ---- L2: making ---- */

static void *make_child(void *arg)
{
    thrum_greenlet **child = arg;

    *child = greenlet_of(echo, NULL);
    CHECK(thrum_greenlet_parent(*child) == thrum_greenlet_current());
    return NULL;
}

TEST(L2_the_parent_is_the_one_that_makes_it)
{
    thrum_greenlet *main = thrum_greenlet_current();
    thrum_greenlet *child = NULL;
    thrum_greenlet *maker = greenlet_of(make_child, NULL);

    assert_ptr_equal(thrum_greenlet_parent(maker), main);
    pass(maker, &child);
    assert_ptr_equal(thrum_greenlet_parent(child), maker);
    thrum_greenlet_unref(child);
    thrum_greenlet_unref(maker);
}

TEST(L2_the_parent_may_be_given)
{
    thrum_greenlet *first = greenlet_of(echo, NULL);
    thrum_greenlet *second = greenlet_of(echo, first);

    assert_ptr_equal(thrum_greenlet_parent(second), first);
    thrum_greenlet_unref(first); /* the second holds it */
    assert_ptr_equal(thrum_greenlet_parent(second), first);
    assert_int_equal(thrum_greenlet_get_state(first), THRUM_GREENLET_NEW);
    thrum_greenlet_unref(second);
}

TEST(L2_without_a_function_there_is_nothing_to_switch_to)
{
    thrum_greenlet *empty = greenlet_of(NULL, NULL);
    void *back = &back;

    assert_int_equal(thrum_greenlet_switch(empty, NULL, &back),
                     THRUM_EBADSWITCH);
    assert_int_equal(thrum_greenlet_throw(empty, -EIO, &back),
                     THRUM_EBADSWITCH);
    assert_ptr_equal(back, &back);
    assert_int_equal(thrum_greenlet_get_state(empty), THRUM_GREENLET_NEW);
    assert_int_equal(thrum_greenlet_set_fn(empty, echo), 0);
    assert_ptr_equal(pass(empty, word(5)), word(5));
    thrum_greenlet_unref(empty);
}

TEST(L2_options_are_checked)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_greenlet *greenlet = NULL;

    options.stack_size = thrum_stack_least() - 1;
    assert_int_equal(thrum_greenlet_new(echo, NULL, &options, &greenlet),
                     -EINVAL);
    options.stack_size = (size_t)64 * 1024 * 1024 + 1;
    assert_int_equal(thrum_greenlet_new(echo, NULL, &options, &greenlet),
                     -EINVAL);
    options.stack_size = 0;
    options.size--;
    assert_int_equal(thrum_greenlet_new(echo, NULL, &options, &greenlet),
                     -EINVAL);
    assert_null(greenlet);
}

static void *tell_stack(void *arg)
{
    thrum_greenlet *self = thrum_greenlet_current();

    CHECK_INT(thrum_greenlet_stack(self, arg), 0);
    CHECK(strcmp(thrum_greenlet_name(self), "first") == 0);
    thrum_greenlet_set_name(self, "a name of more than 23 characters");
    CHECK(strcmp(thrum_greenlet_name(self), "a name of more than 23 ") == 0);
    thrum_greenlet_set_name(self, NULL);
    CHECK(strcmp(thrum_greenlet_name(self), "") == 0);
    return NULL;
}

TEST(L2_options_say_size_and_name)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_stack_info info = THRUM_STACK_INFO;
    thrum_greenlet *greenlet = NULL;

    options.stack_size = 200 * 1024;
    options.name = "first";
    options.measure = true;
    assert_int_equal(thrum_greenlet_new(tell_stack, NULL, &options, &greenlet),
                     0);
    pass(greenlet, &info);
    assert_int_equal(info.stack_size, 256 * 1024);
    assert_true(info.used > 0 && info.used <= info.stack_size);
    assert_true(info.guard_size > 0);
    assert_int_equal(thrum_greenlet_stack(greenlet, &info), THRUM_ESTATE);
    assert_string_equal(thrum_greenlet_name(greenlet), "");
    thrum_greenlet_set_name(greenlet, "dead");
    thrum_greenlet_unref(greenlet);
}

/* ---- L3: states ---- */

static void check_state(const thrum_greenlet *greenlet,
                        thrum_greenlet_state state, bool active, bool dead)
{
    CHECK_INT(thrum_greenlet_get_state(greenlet), state);
    CHECK_INT(thrum_greenlet_active(greenlet), active);
    CHECK_INT(thrum_greenlet_dead(greenlet), dead);
}

static void *look_at_self(void *arg)
{
    check_state(thrum_greenlet_current(), THRUM_GREENLET_ACTIVE, true, false);
    yield_up(arg, NULL);
    return arg;
}

TEST(L3_active_is_begun_and_not_dead)
{
    thrum_greenlet *greenlet = greenlet_of(look_at_self, NULL);

    check_state(greenlet, THRUM_GREENLET_NEW, false, false);
    pass(greenlet, NULL);
    check_state(greenlet, THRUM_GREENLET_ACTIVE, true, false);
    pass(greenlet, NULL);
    check_state(greenlet, THRUM_GREENLET_DONE, false, true);
    thrum_greenlet_unref(greenlet);
}

/* ---- L4: the function ---- */

static void *refuse_function(void *arg)
{
    CHECK_INT(thrum_greenlet_set_fn(thrum_greenlet_current(), echo),
              THRUM_ESTATE);
    yield_up(NULL, NULL);
    return word(1);
}

TEST(L4_the_function_is_taken_at_the_start)
{
    thrum_greenlet *greenlet = greenlet_of(echo, NULL);

    assert_int_equal(thrum_greenlet_set_fn(greenlet, refuse_function), 0);
    pass(greenlet, NULL);
    assert_int_equal(thrum_greenlet_set_fn(greenlet, echo), THRUM_ESTATE);
    assert_ptr_equal(pass(greenlet, word(2)), word(1));
    assert_int_equal(thrum_greenlet_set_fn(greenlet, echo), THRUM_ESTATE);
    thrum_greenlet_unref(greenlet);
}

TEST(L4_the_function_may_be_taken_away)
{
    thrum_greenlet *greenlet = greenlet_of(echo, NULL);

    assert_int_equal(thrum_greenlet_set_fn(greenlet, NULL), 0);
    assert_int_equal(thrum_greenlet_switch(greenlet, NULL, NULL),
                     THRUM_EBADSWITCH);
    thrum_greenlet_unref(greenlet);
}

/* ---- L5, L6: values ---- */

static void *add_up(void *first)
{
    intptr_t sum = number_of(first);
    void *next = NULL;

    while (yield_up(word(sum), &next) == 0 && next != NULL)
        sum += number_of(next);
    return word(-sum);
}

TEST(L5_a_value_begins_it_or_is_what_its_switch_returns)
{
    thrum_greenlet *greenlet = greenlet_of(add_up, NULL);

    assert_ptr_equal(pass(greenlet, word(1)), word(1));
    assert_ptr_equal(pass(greenlet, word(20)), word(21));
    assert_ptr_equal(pass(greenlet, word(300)), word(321));
    assert_ptr_equal(pass(greenlet, NULL), word(-321));
    thrum_greenlet_unref(greenlet);
}

TEST(L6_one_word_is_passed_as_it_is)
{
    thrum_greenlet *greenlet = greenlet_of(echo_forever, NULL);
    intptr_t words[] = {0, 1, -1, INTPTR_MIN, INTPTR_MAX, (intptr_t)&words};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_ptr_equal(pass(greenlet, word(words[i])), word(words[i]));
    /* nobody need look at it */
    assert_int_equal(thrum_greenlet_switch(greenlet, word(1), NULL), 0);
    thrum_greenlet_unref(greenlet);
}

/* ---- L7: oneself ---- */

static int count_events(thrum_greenlet_event event, thrum_greenlet *origin,
                        thrum_greenlet *target, void *arg)
{
    ++*(unsigned *)arg;
    return 0;
}

static void *switch_to_self(void *arg)
{
    thrum_greenlet *self = thrum_greenlet_current();
    unsigned *events = arg;
    unsigned before = *events;

    CHECK(pass(self, word(8)) == word(8));
    CHECK_INT(thrum_greenlet_switch(self, word(8), NULL), 0);
    CHECK_INT(*events, before);
    return NULL;
}

TEST(L7_a_switch_to_oneself_returns_the_argument)
{
    thrum_greenlet *greenlet = greenlet_of(switch_to_self, NULL);
    unsigned events = 0;

    thrum_greenlet_set_trace(count_events, &events, NULL);
    switch_to_self(&events); /* the main greenlet */
    assert_int_equal(events, 0);
    pass(greenlet, &events);
    assert_true(events > 0);
    thrum_greenlet_set_trace(NULL, NULL, NULL);
    thrum_greenlet_unref(greenlet);
}

/* ---- L8: dead ones ---- */

TEST(L8_a_dead_one_stands_for_its_parent)
{
    thrum_greenlet *greenlet = greenlet_of(echo, NULL);

    pass(greenlet, NULL);
    assert_ptr_equal(pass(greenlet, word(3)), word(3)); /* that is us */
    thrum_greenlet_unref(greenlet);
}

/* Switches to what it was given; returns what comes back, and 1. */
static void *ask(void *other)
{
    return word(number_of(pass(other, word(10))) + 1);
}

TEST(L8_a_dead_one_stands_for_its_nearest_living_ancestor)
{
    thrum_greenlet *living = greenlet_of(echo_forever, NULL);
    thrum_greenlet *dead = greenlet_of(echo, living);
    thrum_greenlet *child = greenlet_of(echo, dead);
    thrum_greenlet *asker = greenlet_of(ask, NULL);

    pass(living, NULL);
    pass(dead, NULL);  /* ends in `living`, which passes on to us */
    pass(child, NULL); /* the same, past a dead parent */
    assert_true(thrum_greenlet_dead(dead));
    assert_true(thrum_greenlet_dead(child));
    /* living gives it to its own parent, which is us and not the asker */
    assert_ptr_equal(pass(asker, child), word(10));
    assert_ptr_equal(pass(asker, word(4)), word(5));
    assert_true(thrum_greenlet_dead(asker));
    thrum_greenlet_unref(asker);
    thrum_greenlet_unref(child);
    thrum_greenlet_unref(dead);
    thrum_greenlet_unref(living);
}

TEST(L8_an_unstarted_ancestor_is_started)
{
    thrum_greenlet *ancestor = greenlet_of(add_up, NULL);
    thrum_greenlet *dead = greenlet_of(echo, NULL);

    pass(dead, NULL);
    assert_int_equal(thrum_greenlet_set_parent(dead, ancestor), 0);
    assert_ptr_equal(pass(dead, word(7)), word(7));
    assert_true(thrum_greenlet_active(ancestor));
    assert_ptr_equal(pass(dead, word(1)), word(8));
    thrum_greenlet_unref(dead);
    thrum_greenlet_unref(ancestor);
}

/* ---- many ---- */

struct ring {
    thrum_greenlet **members;
    unsigned count;
    unsigned at; /* who takes a place next */
    unsigned laps;
};

/* Passes on to the next, one more each time; the last returns. */
static void *ring_member(void *arg)
{
    struct ring *ring = arg;
    unsigned place = ring->at++;
    thrum_greenlet *next = ring->members[(place + 1) % ring->count];
    void *sum = ring->at < ring->count ? pass(next, ring) : word(0);

    for (unsigned lap = 0; lap < ring->laps; lap++)
        if (thrum_greenlet_switch(next, word(number_of(sum) + 1), &sum) != 0)
            return NULL;
    return sum;
}

TEST(L5_a_ring_of_greenlets)
{
    unsigned count = test_scale(1000) + 1;
    struct ring ring = {calloc(count, sizeof(thrum_greenlet *)), count, 0, 10};
    void *sum;

    assert_non_null(ring.members);
    for (unsigned i = 0; i < count; i++)
        ring.members[i] = greenlet_of(ring_member, NULL);
    sum = pass(ring.members[0], &ring);
    assert_int_equal(number_of(sum), (intptr_t)count * 10);
    for (unsigned i = 0; i < count; i++)
        thrum_greenlet_unref(ring.members[i]);
    free(ring.members);
}

/* Each makes the next, a child of its own. */
static void *nest(void *depth)
{
    thrum_greenlet *child;
    void *below;

    if (number_of(depth) == 0)
        return NULL;
    child = greenlet_of(nest, NULL);
    below = pass(child, word(number_of(depth) - 1));
    thrum_greenlet_unref(child);
    return word(number_of(below) + 1);
}

TEST(L9_deep_nesting_returns_level_by_level)
{
    unsigned depth = test_scale(1000);
    thrum_greenlet *first = greenlet_of(nest, NULL);

    assert_int_equal(number_of(pass(first, word((intptr_t)depth))), depth);
    thrum_greenlet_unref(first);
}

/* The innermost of a chain of parents ends; all above it are dead. */
TEST(L8_a_long_line_of_dead_ancestors)
{
    unsigned depth = test_scale(1000);
    thrum_greenlet *last = thrum_greenlet_ref(thrum_greenlet_current());

    for (unsigned i = 0; i < depth; i++) {
        thrum_greenlet *child = greenlet_of(echo, last);

        thrum_greenlet_unref(last);
        last = child;
        assert_ptr_equal(pass(last, word(i)), word(i));
    }
    assert_ptr_equal(pass(last, word(1)), word(1));
    thrum_greenlet_unref(last); /* and with it all of them */
}

TEST_MAIN("greenlet")
