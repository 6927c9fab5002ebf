/* SPDX-License-Identifier: MIT */
/*
 * test/api/generator_greenlet_test.c - generators in greenlets: bodies that
 * switch away in the middle of a next, and are switched back to.
 */
#include "generators.h"

/* A greenlet that pulls a generator whose body switches to its parent. */
struct puller {
    thrum_generator *generator;
    void *came;    /* to the body, through the switch */
    int body_code; /* what the switch has returned there */
    int next_code; /* what next has returned to the greenlet */
    void *value;   /* with this value */
    unsigned deferred;
};

static void puller_deferred(void *arg)
{
    ((struct puller *)arg)->deferred++;
}

static thrum_greenlet *parent_here(void)
{
    return thrum_greenlet_parent(thrum_greenlet_current());
}

/* Switches away before its only yield. */
static void *switching_body(void *arg)
{
    struct puller *puller = arg;

    CHECK_INT(thrum_defer(puller_deferred, puller), 0);
    puller->body_code =
        thrum_greenlet_switch(parent_here(), puller, &puller->came);
    if (puller->body_code == 0)
        (void)thrum_yield(puller->came, NULL);
    return NULL;
}

static void *pulling_greenlet(void *arg)
{
    struct puller *puller = arg;

    puller->next_code = thrum_generator_next(puller->generator, &puller->value);
    return NULL;
}

static thrum_greenlet *greenlet_of(thrum_fn *fn)
{
    thrum_greenlet *greenlet = NULL;

    assert_int_equal(thrum_greenlet_new(fn, NULL, NULL, &greenlet), 0);
    return greenlet;
}

/* It is in the body, which has switched here. */
static thrum_greenlet *puller_begun(struct puller *puller)
{
    thrum_greenlet *greenlet = greenlet_of(pulling_greenlet);
    void *value = NULL;

    puller->generator = generator_of(switching_body, puller);
    puller->next_code = 1;
    assert_int_equal(thrum_greenlet_switch(greenlet, puller, &value), 0);
    assert_ptr_equal(value, puller);
    return greenlet;
}

TEST(a_body_may_switch_to_another_greenlet_and_come_back)
{
    struct puller puller = {0};
    thrum_greenlet *greenlet = puller_begun(&puller);

    assert_int_equal(puller.next_code, 1); /* next has not returned */
    assert_int_equal(thrum_greenlet_switch(greenlet, &greenlet, NULL), 0);
    assert_int_equal(puller.body_code, 0);
    assert_ptr_equal(puller.came, &greenlet);
    assert_int_equal(puller.next_code, 0);
    assert_ptr_equal(puller.value, &greenlet);
    assert_true(thrum_greenlet_dead(greenlet));
    assert_state(puller.generator, SUSPENDED);
    thrum_greenlet_unref(greenlet);
    thrum_generator_unref(puller.generator);
    assert_int_equal(puller.deferred, 1);
}

TEST(G15_one_that_has_switched_away_is_busy)
{
    struct puller puller = {0};
    thrum_greenlet *greenlet = puller_begun(&puller);

    assert_state(puller.generator, RUNNING);
    assert_int_equal(thrum_generator_next(puller.generator, NULL), -EBUSY);
    assert_int_equal(thrum_generator_throw(puller.generator, -EIO, NULL),
                     -EBUSY);
    assert_int_equal(thrum_generator_close(puller.generator, NULL), -EBUSY);
    assert_int_equal(thrum_greenlet_switch(greenlet, &greenlet, NULL), 0);
    assert_int_equal(puller.next_code, 0);
    thrum_greenlet_unref(greenlet);
    thrum_generator_unref(puller.generator);
}

TEST(the_next_value_may_be_pulled_by_another_greenlet)
{
    struct puller puller = {0};
    thrum_greenlet *greenlet = puller_begun(&puller);

    assert_int_equal(thrum_greenlet_switch(greenlet, &greenlet, NULL), 0);
    thrum_greenlet_unref(greenlet);
    puller.next_code = 1;
    greenlet = greenlet_of(pulling_greenlet);
    assert_int_equal(thrum_greenlet_switch(greenlet, &puller, NULL), 0);
    assert_int_equal(puller.next_code, THRUM_ESTOP);
    thrum_greenlet_unref(greenlet);
    assert_exhausted(puller.generator);
    thrum_generator_unref(puller.generator);
}

TEST(what_is_thrown_at_the_greenlet_is_the_switch_of_the_body)
{
    struct puller puller = {0};
    thrum_greenlet *greenlet = puller_begun(&puller);

    assert_int_equal(thrum_greenlet_throw(greenlet, -EPERM, NULL), 0);
    assert_int_equal(puller.body_code, -EPERM);
    assert_int_equal(puller.next_code, THRUM_EFAILED);
    assert_int_equal(generator_error_code(puller.generator), -EPERM);
    assert_int_equal(puller.deferred, 1);
    thrum_greenlet_unref(greenlet);
    thrum_generator_unref(puller.generator);
}

TEST(a_greenlet_that_is_dropped_in_the_midst_of_a_next_cancels_the_body)
{
    struct puller puller = {0};

    thrum_greenlet_unref(puller_begun(&puller));
    assert_int_equal(puller.body_code, -ECANCELED);
    assert_int_equal(puller.next_code, THRUM_EFAILED);
    assert_int_equal(puller.deferred, 1);
    assert_state(puller.generator, CLOSED);
    thrum_generator_unref(puller.generator);
}

/* The generator's last holder goes while its body is away. */
TEST(G17_one_that_runs_is_ended_when_it_next_stops)
{
    struct puller puller = {0};
    thrum_greenlet *greenlet = puller_begun(&puller);

    thrum_generator_unref(puller.generator);
    assert_int_equal(puller.deferred, 0);
    assert_int_equal(thrum_greenlet_switch(greenlet, &greenlet, NULL), 0);
    assert_int_equal(puller.next_code, 0);
    assert_int_equal(puller.deferred, 1);
    thrum_greenlet_unref(greenlet);
}

/* ---- taking turns ---- */

struct turns {
    thrum_generator *generator;
    int expected;
    unsigned switches;
};

/* Yields numbers, and switches away before each. */
static void *turning_body(void *arg)
{
    struct turns *turns = arg;

    for (int i = 1; i <= 10; i++) {
        turns->switches++;
        CHECK_INT(thrum_greenlet_switch(parent_here(), NULL, NULL), 0);
        CHECK_INT(thrum_yield(&i, NULL), 0);
    }
    return NULL;
}

static void *turning_greenlet(void *arg)
{
    struct turns *turns = arg;
    int rc = 0;

    THRUM_EACH(int, number, turns->generator, rc)
        CHECK_INT(*number, ++turns->expected);
    CHECK_INT(rc, THRUM_ESTOP);
    return turns;
}

TEST(greenlets_take_turns_in_the_midst_of_their_loops)
{
    struct turns turns[3] = {{0}, {0}, {0}};
    thrum_greenlet *greenlets[3];
    void *value = NULL;

    for (int i = 0; i < 3; i++) {
        turns[i].generator = generator_of(turning_body, &turns[i]);
        greenlets[i] = greenlet_of(turning_greenlet);
    }
    for (unsigned round = 1; round <= 10; round++)
        for (int i = 0; i < 3; i++) {
            assert_int_equal(
                thrum_greenlet_switch(greenlets[i], &turns[i], NULL), 0);
            assert_int_equal(turns[i].switches, round);
            assert_int_equal(turns[i].expected, round - 1);
        }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(thrum_greenlet_switch(greenlets[i], NULL, &value), 0);
        assert_ptr_equal(value, &turns[i]);
        thrum_greenlet_unref(greenlets[i]);
        thrum_generator_unref(turns[i].generator);
    }
}

/* The same within a chain, whose outermost the greenlet pulls. */
static void *chained_body(void *arg)
{
    struct turns *turns = arg;
    thrum_generator *inner = NULL;

    CHECK_INT(thrum_generator_new(turning_body, turns, 0, NULL, &inner), 0);
    CHECK_INT(thrum_yield_from(inner, NULL), 0);
    thrum_generator_unref(inner);
    return NULL;
}

TEST(Y1_an_inner_one_may_switch_too)
{
    struct turns turns = {0};
    thrum_greenlet *greenlet = greenlet_of(turning_greenlet);
    void *value = NULL;

    turns.generator = generator_of(chained_body, &turns);
    for (unsigned round = 1; round <= 10; round++) {
        assert_int_equal(thrum_greenlet_switch(greenlet, &turns, NULL), 0);
        assert_int_equal(turns.switches, round);
        assert_state(turns.generator, RUNNING);
    }
    assert_int_equal(thrum_greenlet_switch(greenlet, NULL, &value), 0);
    assert_ptr_equal(value, &turns);
    assert_int_equal(turns.expected, 10);
    thrum_greenlet_unref(greenlet);
    thrum_generator_unref(turns.generator);
}

static void *yielding_greenlet(void *arg)
{
    CHECK_INT(thrum_yield(arg, NULL), THRUM_ECONTEXT);
    return arg;
}

static void *nesting_body(void *arg)
{
    thrum_greenlet *greenlet = NULL;
    void *value = NULL;

    CHECK_INT(thrum_greenlet_new(yielding_greenlet, NULL, NULL, &greenlet), 0);
    CHECK_INT(thrum_greenlet_switch(greenlet, arg, &value), 0);
    CHECK(value == arg);
    CHECK(thrum_greenlet_dead(greenlet));
    thrum_greenlet_unref(greenlet);
    CHECK_INT(thrum_yield(arg, NULL), 0);
    return NULL;
}

TEST(a_greenlet_cannot_yield_for_the_generator_that_began_it)
{
    int word = 0;
    thrum_generator *generator = generator_of(nesting_body, &word);
    void *value = NULL;

    assert_int_equal(thrum_generator_next(generator, &value), 0);
    assert_ptr_equal(value, &word);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

static void *errno_body(void *arg)
{
    errno = ERANGE;
    CHECK_INT(thrum_greenlet_switch(parent_here(), NULL, NULL), 0);
    CHECK_INT(errno, ERANGE);
    return NULL;
}

TEST(errno_is_that_of_the_greenlet_that_pulls)
{
    struct puller puller = {.generator = generator_of(errno_body, NULL)};
    thrum_greenlet *greenlet = greenlet_of(pulling_greenlet);

    errno = EDOM;
    assert_int_equal(thrum_greenlet_switch(greenlet, &puller, NULL), 0);
    assert_int_equal(errno, EDOM);
    errno = EILSEQ;
    assert_int_equal(thrum_greenlet_switch(greenlet, NULL, NULL), 0);
    assert_int_equal(errno, EILSEQ);
    assert_int_equal(puller.next_code, THRUM_ESTOP);
    thrum_greenlet_unref(greenlet);
    thrum_generator_unref(puller.generator);
}

TEST_MAIN("generator_greenlet")
