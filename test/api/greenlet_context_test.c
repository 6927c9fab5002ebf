/* SPDX-License-Identifier: MIT */
/*
 * test/api/greenlet_context_test.c - what a greenlet keeps while it stands
 * still, and what can be seen of it: L28 to L30; memory that is short: L31.
 */
#include <fenv.h>
#include <signal.h>

#include "greenlets.h"

/* ---- L28: the context word ---- */

static void *make_with_context(void *arg)
{
    thrum_greenlet **child = arg;
    thrum_greenlet *self = thrum_greenlet_current();

    CHECK(thrum_greenlet_context(self) == word(1)); /* its maker's */
    CHECK_INT(thrum_greenlet_set_context(self, word(2)), 0);
    *child = greenlet_of(echo, thrum_greenlet_parent(self));
    CHECK(thrum_greenlet_context(*child) == word(2));
    return NULL;
}

TEST(L28_a_context_is_inherited_from_the_maker)
{
    thrum_greenlet *main = thrum_greenlet_current();
    thrum_greenlet *greenlet;
    thrum_greenlet *child = NULL;

    assert_null(thrum_greenlet_context(main));
    assert_int_equal(thrum_greenlet_set_context(main, word(1)), 0);
    greenlet = greenlet_of(make_with_context, NULL);
    pass(greenlet, &child);
    assert_ptr_equal(thrum_greenlet_context(main), word(1));
    assert_int_equal(thrum_greenlet_set_context(main, NULL), 0);
    assert_ptr_equal(thrum_greenlet_context(child), word(2));
    thrum_greenlet_unref(child);
    thrum_greenlet_unref(greenlet);
}

TEST(L28_a_context_can_be_set_in_any_state)
{
    thrum_greenlet *greenlet = greenlet_of(echo_forever, NULL);

    assert_int_equal(thrum_greenlet_set_context(greenlet, word(1)), 0);
    pass(greenlet, NULL);
    assert_ptr_equal(thrum_greenlet_context(greenlet), word(1));
    assert_int_equal(thrum_greenlet_set_context(greenlet, word(2)), 0);
    assert_ptr_equal(thrum_greenlet_context(greenlet), word(2));
    assert_int_equal(thrum_greenlet_throw(greenlet, -ECANCELED, NULL), 0);
    assert_ptr_equal(thrum_greenlet_context(greenlet), word(2));
    assert_int_equal(thrum_greenlet_set_context(greenlet, word(3)), 0);
    assert_ptr_equal(thrum_greenlet_context(greenlet), word(3));
    thrum_greenlet_unref(greenlet);
}

struct strangers {
    thrum_greenlet *running;
    thrum_greenlet *suspended;
    thrum_greenlet *fresh;
};

static void *set_contexts(void *arg)
{
    struct strangers *strangers = arg;

    CHECK_INT(thrum_greenlet_set_context(strangers->running, word(1)),
              THRUM_ETHREAD);
    CHECK_INT(thrum_greenlet_set_context(strangers->suspended, word(2)), 0);
    CHECK_INT(thrum_greenlet_set_context(strangers->fresh, word(3)), 0);
    return NULL;
}

static void *have_contexts_set(void *arg)
{
    struct strangers *strangers = arg;

    strangers->running = thrum_greenlet_current();
    join_thread(spawn_thread(set_contexts, strangers));
    return NULL;
}

TEST(L28_not_that_of_one_that_runs_in_another_thread)
{
    struct strangers strangers = {NULL, greenlet_of(echo_forever, NULL),
                                  greenlet_of(echo, NULL)};
    thrum_greenlet *greenlet = greenlet_of(have_contexts_set, NULL);

    pass(strangers.suspended, NULL);
    pass(greenlet, &strangers);
    assert_null(thrum_greenlet_context(greenlet));
    assert_ptr_equal(thrum_greenlet_context(strangers.suspended), word(2));
    assert_ptr_equal(thrum_greenlet_context(strangers.fresh), word(3));
    have_contexts_set(&strangers); /* the main greenlet runs */
    assert_null(thrum_greenlet_context(thrum_greenlet_current()));
    thrum_greenlet_unref(greenlet);
    thrum_greenlet_unref(strangers.suspended);
    thrum_greenlet_unref(strangers.fresh);
}

/* ---- L29: errno, registers, floating point ---- */

static void *keep_errno(void *number)
{
    int mine = (int)number_of(number);

    for (int i = 0; i < 10; i++) {
        errno = mine + i;
        if (yield_up(NULL, NULL) != 0)
            break;
        CHECK_INT(errno, mine + i);
    }
    return NULL;
}

TEST(L29_errno_is_the_greenlets_own)
{
    thrum_greenlet *first = greenlet_of(keep_errno, NULL);
    thrum_greenlet *second = greenlet_of(keep_errno, NULL);

    for (int i = 0; i < 5; i++) {
        errno = 1000 + i;
        pass(first, word(100));
        assert_int_equal(errno, 1000 + i);
        pass(second, word(200));
        assert_int_equal(errno, 1000 + i);
    }
    thrum_greenlet_unref(first);
    assert_int_equal(errno, 1004);
    thrum_greenlet_unref(second);
}

/* More values than there are callee-saved registers, and doubles, all alive
 * across the switches of a recursion. */
static uint64_t __attribute__((noinline))
dig(unsigned depth, uint64_t seed, double x)
{
    uint64_t a = seed * 3 + depth, b = a ^ 0x5555, c = b * 7, d = c + 11;
    uint64_t e = d ^ a, f = e * 13, g = f + b, h = g ^ c;
    double p = x * 1.5, q = p + 0.25, r = q * q, s = r - x;
    uint64_t below = 0;

    if (depth > 0)
        below = dig(depth - 1, seed + 1, x + 1.0);
    CHECK_INT(yield_up(NULL, NULL), 0);
    CHECK(b == (a ^ 0x5555) && c == b * 7 && d == c + 11 && e == (d ^ a) &&
          f == e * 13 && g == f + b && h == (g ^ c));
    CHECK(q == p + 0.25 && r == q * q && s == r - x);
    return below + a + b + c + d + e + f + g + h + (uint64_t)(p + q + r + s);
}

struct digger {
    unsigned depth;
    uint64_t seed;
    uint64_t sum;
};

static void *dig_deep(void *arg)
{
    struct digger *digger = arg;

    digger->sum = dig(digger->depth, digger->seed, (double)digger->seed);
    return NULL;
}

/* What dig() adds up, without anything between. */
static uint64_t dig_sum(unsigned depth, uint64_t seed, double x)
{
    uint64_t sum = 0;

    for (;; depth--, seed++, x += 1.0) {
        uint64_t a = seed * 3 + depth, b = a ^ 0x5555, c = b * 7, d = c + 11;
        uint64_t e = d ^ a, f = e * 13, g = f + b, h = g ^ c;
        double p = x * 1.5, q = p + 0.25, r = q * q, s = r - x;

        sum += a + b + c + d + e + f + g + h + (uint64_t)(p + q + r + s);
        if (depth == 0)
            return sum;
    }
}

TEST(L29_registers_and_floating_point_survive_deep_switching)
{
    enum {
        DIGGERS = 5,
        DEPTH = 60
    };
    struct digger diggers[DIGGERS];
    thrum_greenlet *greenlets[DIGGERS];
    unsigned alive = DIGGERS;

    for (unsigned i = 0; i < DIGGERS; i++) {
        diggers[i] = (struct digger){DEPTH - i, i * 1000, 0};
        greenlets[i] = greenlet_of(dig_deep, NULL);
    }
    while (alive > 0) {
        alive = 0;
        for (unsigned i = 0; i < DIGGERS; i++) {
            if (thrum_greenlet_dead(greenlets[i]))
                continue;
            pass(greenlets[i], &diggers[i]);
            alive++;
        }
    }
    for (unsigned i = 0; i < DIGGERS; i++) {
        assert_true(diggers[i].sum ==
                    dig_sum(DEPTH - i, i * 1000, (double)(i * 1000)));
        thrum_greenlet_unref(greenlets[i]);
    }
}

/* The thread's rounding is everybody's; a debug build of the library says so
 * when somebody forgets that. */
static void *round_up(void *arg)
{
    CHECK_INT(fesetround(FE_UPWARD), 0);
    if (arg != NULL)
        fesetround(FE_TONEAREST);
    yield_up(NULL, NULL);
    return NULL;
}

TEST(L29_rounding_that_is_restored_is_ones_own_affair)
{
    thrum_greenlet *greenlet = greenlet_of(round_up, NULL);

    pass(greenlet, word(1));
    assert_int_equal(fegetround(), FE_TONEAREST);
    thrum_greenlet_unref(greenlet);
}

#ifndef NDEBUG
static int forget_rounding(void *arg)
{
    CHECK(freopen("/dev/null", "w", stderr) != NULL);
    pass(greenlet_of(round_up, NULL), NULL);
    return 0;
}

TEST(L29_rounding_that_is_not_restored_aborts_a_debug_build)
{
    assert_int_equal(in_child(forget_rounding, NULL), 128 + SIGABRT);
}
#endif

/* ---- L30: where it stands ---- */

/* A section of its own, whose bounds the linker tells. */
extern char __start_parked_code[];
extern char __stop_parked_code[];

static __attribute__((noinline, section("parked_code"))) void *park(void *arg)
{
    int rc = yield_up(arg, NULL);

    return word(rc + 1);
}

static int count_parked(void **frames, int count)
{
    int found = 0;

    for (int i = 0; i < count; i++)
        found += (char *)frames[i] > __start_parked_code &&
                 (char *)frames[i] <= __stop_parked_code;
    return found;
}

#ifndef THRUMI_CTX_UCONTEXT
TEST(L30_a_backtrace_shows_where_it_is_suspended)
{
    thrum_greenlet *greenlet = greenlet_of(park, NULL);
    void *frames[64];
    void *first = NULL;
    int count;

    pass(greenlet, NULL);
    count = thrum_greenlet_backtrace(greenlet, frames, 64);
    assert_true(count > 1 && count < 64);
    assert_int_equal(count_parked(frames, count), 1);
    assert_int_equal(thrum_greenlet_backtrace(greenlet, &first, 1), 1);
    assert_ptr_equal(first, frames[0]);
    assert_int_equal(thrum_greenlet_backtrace(greenlet, frames, 0), 0);
    thrum_greenlet_unref(greenlet);
}

static void *park_deep(void *depth);
static thrum_fn *volatile park_below = park_deep; /* no loop is made of it */

static __attribute__((noinline, section("parked_code"))) void *
park_deep(void *depth)
{
    thrum_fn *below = number_of(depth) > 0 ? park_below : park;

    return word(number_of(below(word(number_of(depth) - 1))) + 1);
}

TEST(L30_the_whole_stack_is_walked)
{
    thrum_greenlet *greenlet = greenlet_of(park_deep, NULL);
    void *frames[64];
    int count;

    pass(greenlet, word(20));
    count = thrum_greenlet_backtrace(greenlet, frames, 64);
    assert_int_equal(count_parked(frames, count), 22);
    thrum_greenlet_unref(greenlet);
}

/* It stands inside of a generator that it pulls. */
static void *yield_up_in_generator(void *arg)
{
    yield_up(NULL, NULL);
    return NULL;
}

static __attribute__((noinline, section("parked_code"))) void *
pull_generator(void *arg)
{
    thrum_generator *generator = NULL;
    int rc;

    CHECK_INT(
        thrum_generator_new(yield_up_in_generator, NULL, 0, NULL, &generator),
        0);
    rc = thrum_generator_next(generator, NULL);
    thrum_generator_unref(generator);
    return word(rc);
}

TEST(L30_one_that_stands_in_a_generator_is_walked_there)
{
    thrum_greenlet *greenlet = greenlet_of(pull_generator, NULL);
    void *frames[64];

    pass(greenlet, NULL);
    assert_true(thrum_greenlet_backtrace(greenlet, frames, 64) > 1);
    pass(greenlet, NULL);
    assert_true(thrum_greenlet_dead(greenlet));
    thrum_greenlet_unref(greenlet);
}
#endif

static void *look_at_oneself(void *arg)
{
    void *frames[8];

    CHECK_INT(thrum_greenlet_backtrace(thrum_greenlet_current(), frames, 8), 0);
    return NULL;
}

static void *look_from_outside(void *suspended)
{
    void *frames[8];

    CHECK_INT(thrum_greenlet_backtrace(suspended, frames, 8), 0);
    return NULL;
}

TEST(L30_none_when_it_runs_is_dead_or_unstarted)
{
    thrum_greenlet *greenlet = greenlet_of(look_at_oneself, NULL);
    thrum_greenlet *suspended = greenlet_of(park, NULL);
    void *frames[8];

    assert_int_equal(thrum_greenlet_backtrace(greenlet, frames, 8), 0);
    pass(greenlet, NULL);
    assert_int_equal(thrum_greenlet_backtrace(greenlet, frames, 8), 0);
    look_at_oneself(NULL); /* the main greenlet */
    pass(suspended, NULL);
    join_thread(spawn_thread(look_from_outside, suspended));
    assert_int_equal(count_parked(frames, 0), 0);
    thrum_greenlet_unref(suspended);
    thrum_greenlet_unref(greenlet);
}

/* ---- L31: no memory ---- */

/* All of it in a thread that has not used greenlets before. */
static void *first_use(void *arg)
{
    thrum_greenlet *other = arg;
    thrum_greenlet *greenlet = NULL;
    int rc = thrum_greenlet_switch(other, NULL, NULL);

    CHECK(rc == THRUM_ETHREAD || rc == -ENOMEM);
    rc = thrum_greenlet_new(echo, NULL, NULL, &greenlet);
    if (rc != 0) {
        CHECK_INT(rc, -ENOMEM);
        CHECK(greenlet == NULL);
        rc = thrum_greenlet_new(echo, NULL, NULL, &greenlet);
        CHECK_INT(rc, 0); /* it gets well again */
    }
    CHECK(thrum_greenlet_current() != NULL);
    CHECK(pass(greenlet, word(1)) == word(1));
    thrum_greenlet_unref(greenlet);
    return NULL;
}

TEST(L31_a_first_use_without_memory_says_so)
{
    thrum_greenlet *other = greenlet_of(echo, NULL);

    FOR_EACH_FAILURE(n)
    {
        join_thread(spawn_thread(first_use, other));
    }
    thrum_greenlet_unref(other);
}

static void *current_or_null(void *arg)
{
    return thrum_greenlet_current() == NULL ? arg : NULL;
}

TEST(L31_current_is_null_without_memory)
{
    unsigned failed = 0;
    int here;

    FOR_EACH_FAILURE(n)
    {
        if (join_thread(spawn_thread(current_or_null, &here)) != NULL)
            failed++;
    }
    assert_true(failed > 0);
}

/* A body that fails, is destroyed, defers: codes stay when memory is short. */
static void *defer_and_fail(void *arg)
{
    int rc = thrum_defer(free, NULL);

    CHECK(rc == 0 || rc == -ENOMEM);
    return thrum_raise(-EIO, "without memory for a text");
}

TEST(L31_an_error_keeps_its_code_without_memory)
{
    FOR_EACH_FAILURE(n)
    {
        thrum_greenlet *greenlet = NULL;
        int rc = thrum_greenlet_new(defer_and_fail, NULL, NULL, &greenlet);

        if (rc != 0) {
            CHECK_INT(rc, -ENOMEM);
            continue;
        }
        CHECK_INT(thrum_greenlet_switch(greenlet, NULL, NULL), -EIO);
        CHECK_INT(thrum_greenlet_error(greenlet)->code, -EIO);
        thrum_greenlet_unref(greenlet);
    }
}

TEST_MAIN("greenlet-context")
