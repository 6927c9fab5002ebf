/* SPDX-License-Identifier: MIT */
/*
 * test/unit/wheel_test.c - the timer wheel.
 *
 * The wheel is compared with a model that knows nothing of levels: an array in
 * which the next timer is found by looking at all.
 */
#include "base/wheel.h"

#include <stdlib.h>

#include "thrum_test.h"

#define LEVEL(n) (1ull << (n)*THRUMI_WHEEL_BITS) /* ticks of its slot */
#define ALL      LEVEL(THRUMI_WHEEL_LEVELS)

static struct thrumi_wheel *wheel_at(uint64_t now)
{
    struct thrumi_wheel *wheel = malloc(sizeof(*wheel));

    assert_non_null(wheel);
    thrumi_wheel_init(wheel, now);
    return wheel;
}

/* Goes on from one wheel_next() to the next until the timer has expired; it
 * does so at its tick and never before, and not after many looks. */
static void assert_expires_at(struct thrumi_wheel *wheel,
                              struct thrumi_timer *timer, uint64_t tick)
{
    for (unsigned looks = 0; looks < 10; looks++) {
        uint64_t next = thrumi_wheel_next(wheel);

        assert_true(next <= tick);
        if (thrumi_wheel_expire(wheel, next) == timer) {
            assert_true(next == tick);
            assert_false(thrumi_timer_started(timer));
            assert_true(thrumi_wheel_next(wheel) == UINT64_MAX);
            return;
        }
    }
    fail_msg("looked too often");
}

/* ---- one timer ---- */

TEST(an_empty_one_has_nothing_to_expire)
{
    struct thrumi_wheel *wheel = wheel_at(0);

    assert_true(thrumi_wheel_next(wheel) == UINT64_MAX);
    assert_null(thrumi_wheel_expire(wheel, 0));
    assert_null(thrumi_wheel_expire(wheel, 12345678901ull));
    assert_null(thrumi_wheel_expire(wheel, UINT64_MAX));
    assert_true(thrumi_wheel_next(wheel) == UINT64_MAX);
    free(wheel);
}

/* From every place of the two lowest levels, over their ends. */
TEST(each_small_distance_from_each_small_now)
{
    struct thrumi_wheel *wheel = wheel_at(0);

    for (uint64_t now = 0; now < LEVEL(1) + 70; now++) {
        for (uint64_t distance = 0; distance < LEVEL(2) + 70; distance += 3) {
            struct thrumi_timer timer = {{NULL, NULL}, 0};

            thrumi_wheel_init(wheel, now);
            thrumi_wheel_start(wheel, &timer, now + distance);
            if (distance > 0)
                assert_null(thrumi_wheel_expire(wheel, now + distance - 1));
            assert_ptr_equal(thrumi_wheel_expire(wheel, now + distance),
                             &timer);
        }
    }
    free(wheel);
}

/* One before, at and after the end of each level, from before and after it. */
TEST(each_level_at_its_ends)
{
    struct thrumi_wheel *wheel = wheel_at(0);

    for (unsigned level = 1; level <= THRUMI_WHEEL_LEVELS + 3; level++) {
        for (uint64_t i = 0; i < 25; i++) {
            struct thrumi_timer timer = {{NULL, NULL}, 0};
            uint64_t now = LEVEL(level) * 64 - 2 + i % 5;
            uint64_t tick = now + LEVEL(level) - 2 + i / 5;

            thrumi_wheel_init(wheel, now);
            thrumi_wheel_start(wheel, &timer, tick);
            assert_true(thrumi_wheel_next(wheel) <= tick);
            assert_null(thrumi_wheel_expire(wheel, tick - 1));
            assert_ptr_equal(thrumi_wheel_expire(wheel, UINT64_MAX), &timer);
        }
    }
    free(wheel);
}

TEST(a_few_looks_are_enough_for_each_bit_of_a_tick)
{
    for (uint64_t now = 0; now < 3; now++) {
        for (unsigned bit = 0; bit < THRUMI_WHEEL_LEVELS * THRUMI_WHEEL_BITS;
             bit++) {
            struct thrumi_wheel *wheel = wheel_at(now);
            struct thrumi_timer timer = {{NULL, NULL}, 0};
            uint64_t tick = now + (1ull << bit) + bit;

            thrumi_wheel_start(wheel, &timer, tick);
            assert_expires_at(wheel, &timer, tick);
            free(wheel);
        }
    }
}

TEST(beyond_all_levels)
{
    static const uint64_t ticks[] = {ALL,          ALL + 1,    2 * ALL - 1,
                                     5 * ALL + 17, 1ull << 62, UINT64_MAX - 1,
                                     UINT64_MAX};
    struct thrumi_wheel *wheel = wheel_at(0);
    struct thrumi_timer timer[7] = {{{NULL, NULL}, 0}};

    for (unsigned i = 0; i < 7; i++)
        thrumi_wheel_start(wheel, &timer[6 - i], ticks[6 - i]);
    for (unsigned i = 0; i < 7; i++) {
        assert_true(thrumi_wheel_next(wheel) <= ticks[i]);
        assert_null(thrumi_wheel_expire(wheel, ticks[i] - 1));
        assert_ptr_equal(thrumi_wheel_expire(wheel, ticks[i]), &timer[i]);
    }
    assert_true(thrumi_wheel_next(wheel) == UINT64_MAX);
    free(wheel);
}

TEST(what_is_past_expires_at_once)
{
    struct thrumi_wheel *wheel = wheel_at(1000);
    struct thrumi_timer timer[3] = {{{NULL, NULL}, 0}};

    thrumi_wheel_start(wheel, &timer[0], 1000);
    thrumi_wheel_start(wheel, &timer[1], 0);
    thrumi_wheel_start(wheel, &timer[2], 999);
    assert_true(thrumi_wheel_next(wheel) <= 1000);
    for (unsigned i = 0; i < 3; i++)
        assert_ptr_equal(thrumi_wheel_expire(wheel, 1000), &timer[i]);
    assert_null(thrumi_wheel_expire(wheel, 1000));
    free(wheel);
}

/* Who asks with an older tick than before gets nothing new, and harms
 * nothing. */
TEST(now_does_not_go_back)
{
    struct thrumi_wheel *wheel = wheel_at(0);
    struct thrumi_timer timer = {{NULL, NULL}, 0};

    assert_null(thrumi_wheel_expire(wheel, 5000));
    thrumi_wheel_start(wheel, &timer, 5001);
    assert_null(thrumi_wheel_expire(wheel, 10));
    assert_null(thrumi_wheel_expire(wheel, 5000));
    assert_ptr_equal(thrumi_wheel_expire(wheel, 5001), &timer);
    free(wheel);
}

/* ---- several ---- */

TEST(those_of_one_tick_expire_as_they_were_started)
{
    enum {
        many = 60
    };
    struct thrumi_wheel *wheel = wheel_at(0);
    struct thrumi_timer timer[many] = {{{NULL, NULL}, 0}};
    uint64_t tick = LEVEL(3) + 3;

    /* Each is started closer to the tick than the one before. */
    for (unsigned i = 0; i < many; i++) {
        assert_null(
            thrumi_wheel_expire(wheel, tick - LEVEL(3) / (i * i * i + 1)));
        thrumi_wheel_start(wheel, &timer[i], tick);
    }
    for (unsigned i = 0; i < many; i++)
        assert_ptr_equal(thrumi_wheel_expire(wheel, tick), &timer[i]);
    free(wheel);
}

TEST(cancelled_ones_do_not_expire)
{
    struct thrumi_wheel *wheel = wheel_at(77);
    struct thrumi_timer timer[3] = {{{NULL, NULL}, 0}};

    for (unsigned level = 0; level <= THRUMI_WHEEL_LEVELS; level++) {
        for (unsigned i = 0; i < 3; i++)
            thrumi_wheel_start(wheel, &timer[i], 77 + LEVEL(level));
        for (unsigned i = 0; i < 3; i++) {
            assert_true(thrumi_timer_started(&timer[i]));
            thrumi_wheel_cancel(wheel, &timer[i]);
            assert_false(thrumi_timer_started(&timer[i]));
        }
        assert_true(thrumi_wheel_next(wheel) == UINT64_MAX);
        thrumi_wheel_cancel(wheel, &timer[0]);
    }
    assert_null(thrumi_wheel_expire(wheel, UINT64_MAX));
    free(wheel);
}

/* One that expires may be started again at once, and cancel others. */
TEST(in_between_others_may_be_started_and_cancelled)
{
    struct thrumi_wheel *wheel = wheel_at(0);
    struct thrumi_timer timer[4] = {{{NULL, NULL}, 0}};

    for (unsigned i = 0; i < 4; i++)
        thrumi_wheel_start(wheel, &timer[i], 100);
    assert_ptr_equal(thrumi_wheel_expire(wheel, 200), &timer[0]);
    thrumi_wheel_cancel(wheel, &timer[1]);
    thrumi_wheel_start(wheel, &timer[0], 150);
    assert_ptr_equal(thrumi_wheel_expire(wheel, 200), &timer[2]);
    thrumi_wheel_cancel(wheel, &timer[3]);
    assert_ptr_equal(thrumi_wheel_expire(wheel, 200), &timer[0]);
    assert_null(thrumi_wheel_expire(wheel, 200));
    free(wheel);
}

/* ---- against the model ---- */

enum {
    timers = 60
};

struct model {
    struct thrumi_wheel *wheel;
    uint64_t now;
    uint64_t started; /* how many ever were */
    struct thrumi_timer timer[timers];
    uint64_t at[timers]; /* when it expires, not before it was started */
    uint64_t number[timers];
};

static uint64_t any(unsigned *seed)
{
    uint64_t value = (uint64_t)rand_r(seed) << 42;

    value ^= (uint64_t)rand_r(seed) << 21;
    return value ^ (uint64_t)rand_r(seed);
}

/* As likely of one size as of another. */
static uint64_t any_distance(unsigned *seed, unsigned bits)
{
    return any(seed) >> (64 - 1 - any(seed) % bits);
}

static bool model_before(const struct model *m, unsigned a, unsigned b)
{
    return m->at[a] != m->at[b] ? m->at[a] < m->at[b]
                                : m->number[a] < m->number[b];
}

/* The next to expire; `timers` when there is none. */
static unsigned model_first(const struct model *m)
{
    unsigned first = timers;

    for (unsigned i = 0; i < timers; i++)
        if (thrumi_timer_started(&m->timer[i]) &&
            (first == timers || model_before(m, i, first)))
            first = i;
    return first;
}

static void model_toggle(struct model *m, unsigned i, uint64_t tick)
{
    if (thrumi_timer_started(&m->timer[i])) {
        thrumi_wheel_cancel(m->wheel, &m->timer[i]);
        return;
    }
    thrumi_wheel_start(m->wheel, &m->timer[i], tick);
    m->at[i] = tick > m->now ? tick : m->now;
    m->number[i] = m->started++;
}

static void model_advance(struct model *m, uint64_t to)
{
    unsigned first = model_first(m);

    while (first < timers && m->at[first] <= to) {
        assert_true(thrumi_wheel_next(m->wheel) <= m->at[first]);
        m->now = m->at[first];
        assert_ptr_equal(thrumi_wheel_expire(m->wheel, to), &m->timer[first]);
        first = model_first(m);
    }
    assert_null(thrumi_wheel_expire(m->wheel, to));
    m->now = to;
    if (first == timers)
        assert_true(thrumi_wheel_next(m->wheel) == UINT64_MAX);
    else
        assert_true(thrumi_wheel_next(m->wheel) <= m->at[first]);
}

/* One run: ticks up to so many bits away, steps up to so many bits long. */
static void model_run(unsigned seed, unsigned far_bits, unsigned step_bits)
{
    struct model *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    m->now = any(&seed) >> (1 + any(&seed) % 60);
    m->wheel = wheel_at(m->now);
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t tick = m->now + any_distance(&seed, far_bits);

        if (any(&seed) % 16 == 0)
            tick = m->now - any_distance(&seed, 8) % (m->now + 1);
        model_toggle(m, (unsigned)(any(&seed) % timers), tick);
        if (any(&seed) % 8 == 0)
            model_advance(m, m->now + any_distance(&seed, step_bits));
    }
    free(m->wheel);
    free(m);
}

TEST(random_timers_expire_as_in_the_model)
{
    for (unsigned seed = 1; seed <= test_scale(200); seed++) {
        model_run(seed, 4, 4);
        model_run(seed, 12, 8);
        model_run(seed, 24, 20);
        model_run(seed, 40, 38);
        model_run(seed, 46, 46);
    }
}

TEST_MAIN("wheel")
