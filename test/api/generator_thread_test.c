/* SPDX-License-Identifier: MIT */
/*
 * test/api/generator_thread_test.c - generators and threads: whose they are,
 * who is refused, and what becomes of them when threads end (G15, G17).
 */
#include "generators.h"

/* A generator, and threads that do something with it. */
struct shared {
    thrum_generator *generator;
    struct gate ready;
    struct gate go_on;
    struct seen seen;
    int code;
};
#define SHARED_INIT                      \
 {                                       \
  .ready = GATE_INIT, .go_on = GATE_INIT \
 }

/* ---- made here, run there ---- */

static void *pull_all(void *arg)
{
    thrum_generator *generator = arg;
    int rc = 0;
    int expected = 1;

    THRUM_EACH(int, number, generator, rc) {
        CHECK_INT(*number, expected);
        expected++;
    }
    CHECK_INT(rc, THRUM_ESTOP);
    CHECK_INT(expected, 101);
    return NULL;
}

TEST(one_may_be_made_here_and_run_there)
{
    int count = 100;
    thrum_generator *generator = generator_of(count_body, &count);

    join_thread(spawn_thread(pull_all, generator));
    assert_state(generator, CLOSED);
    thrum_generator_unref(generator);
}

static void *make_one(void *arg)
{
    thrum_generator *generator = NULL;

    CHECK_INT(thrum_generator_new(count_body, arg, 0, NULL, &generator), 0);
    return generator;
}

TEST(one_may_outlive_the_thread_that_made_it)
{
    int count = 100;
    thrum_generator *generator = join_thread(spawn_thread(make_one, &count));

    assert_non_null(generator);
    assert_state(generator, CREATED);
    pull_all(generator);
    thrum_generator_unref(generator);
}

static void *drop(void *arg)
{
    thrum_generator_unref(arg);
    return NULL;
}

TEST(G17_a_created_one_may_be_dropped_anywhere)
{
    struct seen seen = {0};

    join_thread(spawn_thread(drop, generator_of(echo_body, &seen)));
    assert_int_equal(seen.begun, 0);
}

/* ---- another thread's ---- */

static void *try_foreign(void *arg)
{
    thrum_generator *generator = arg;
    void *value = arg;

    CHECK_INT(thrum_generator_next(generator, &value), THRUM_ETHREAD);
    CHECK_INT(thrum_generator_send(generator, arg, &value), THRUM_ETHREAD);
    CHECK_INT(thrum_generator_throw(generator, -EIO, &value), THRUM_ETHREAD);
    CHECK_INT(thrum_generator_close(generator, NULL), THRUM_ETHREAD);
    CHECK(value == arg);
    return NULL;
}

TEST(G15_one_of_another_thread_is_refused)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(echo_body, &seen);

    join_thread(spawn_thread(try_foreign, generator));
    assert_state(generator, SUSPENDED);
    assert_int_equal(seen.went_on, 0);
    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    assert_int_equal(seen.went_on, 1);
    thrum_generator_unref(generator);
}

static void *foreign_from_body(void *arg)
{
    CHECK_INT(thrum_yield_from(arg, NULL), THRUM_ETHREAD);
    return NULL;
}

static void *yield_from_foreign(void *arg)
{
    thrum_generator *generator = NULL;

    CHECK_INT(thrum_generator_new(foreign_from_body, arg, 0, NULL, &generator),
              0);
    CHECK_INT(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    thrum_generator_unref(generator);
    return NULL;
}

TEST(G15_one_of_another_thread_cannot_be_yielded_from)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(echo_body, &seen);

    join_thread(spawn_thread(yield_from_foreign, generator));
    assert_int_equal(seen.went_on, 0);
    thrum_generator_unref(generator);
}

/* One that has ended is its thread's as well. */
TEST(G15_an_ended_one_of_another_thread_is_refused)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    join_thread(spawn_thread(try_foreign, generator));
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

static void *gated_body(void *arg)
{
    struct shared *shared = arg;

    gate_open(&shared->ready);
    gate_wait(&shared->go_on);
    CHECK_INT(thrum_yield(NULL, NULL), 0);
    return NULL;
}

static void *pull_gated(void *arg)
{
    struct shared *shared = arg;

    CHECK_INT(thrum_generator_next(shared->generator, NULL), 0);
    CHECK_INT(thrum_generator_next(shared->generator, NULL), THRUM_ESTOP);
    return NULL;
}

TEST(G15_one_that_runs_in_another_thread_is_refused)
{
    struct shared shared = SHARED_INIT;
    struct test_thread *thread;
    int rc;

    shared.generator = generator_of(gated_body, &shared);
    thread = spawn_thread(pull_gated, &shared);
    gate_wait(&shared.ready);
    rc = thrum_generator_next(shared.generator, NULL);
    assert_true(rc == -EBUSY || rc == THRUM_ETHREAD);
    rc = thrum_generator_close(shared.generator, NULL);
    assert_true(rc == -EBUSY || rc == THRUM_ETHREAD);
    assert_state(shared.generator, RUNNING);
    gate_open(&shared.go_on);
    join_thread(thread);
    thrum_generator_unref(shared.generator);
}

/* ---- racing ---- */

struct race {
    thrum_generator *generator;
    struct latch *start;
    unsigned values;
};

static void *race_next(void *arg)
{
    struct race *race = arg;
    void *value = NULL;
    int rc;

    latch_down(race->start);
    latch_wait(race->start);
    while ((rc = thrum_generator_next(race->generator, &value)) == 0)
        race->values++;
    CHECK(rc == THRUM_ESTOP || rc == THRUM_ETHREAD || rc == -EBUSY ||
          rc == THRUM_EGONE);
    return NULL;
}

/* One of the two gets it, and then all of it. */
TEST(G15_of_two_threads_that_race_one_gets_it)
{
    unsigned rounds = test_scale(200);
    int count = 20;

    for (unsigned i = 0; i < rounds; i++) {
        struct latch start = LATCH_INIT(2);
        thrum_generator *generator = generator_of(count_body, &count);
        struct race one = {generator, &start, 0};
        struct race other = {generator, &start, 0};
        struct test_thread *thread = spawn_thread(race_next, &one);

        race_next(&other);
        join_thread(thread);
        assert_true(one.values == 0 || other.values == 0);
        assert_int_equal(one.values + other.values, count);
        thrum_generator_unref(generator);
    }
}

static void *watch_state(void *arg)
{
    struct shared *shared = arg;
    thrum_generator_state state;

    do {
        state = thrum_generator_get_state(shared->generator);
        CHECK(state <= THRUM_GENERATOR_CLOSED);
    } while (state != THRUM_GENERATOR_CLOSED);
    return NULL;
}

TEST(G20_the_state_may_be_asked_from_any_thread)
{
    struct shared shared = SHARED_INIT;
    struct outer outer = {0};
    int count = (int)test_scale(5000);
    struct test_thread *thread;
    thrum_generator *generator;
    int rc = 0;

    shared.generator = generator_of(count_body, &count);
    generator = outer_of(&outer, thrum_generator_ref(shared.generator));
    thread = spawn_thread(watch_state, &shared);
    THRUM_EACH(int, number, generator, rc)
        assert_true(*number <= count);
    assert_int_equal(rc, THRUM_ESTOP);
    join_thread(thread);
    thrum_generator_unref(generator);
    thrum_generator_unref(shared.generator);
}

/* ---- the last unref elsewhere ---- */

TEST(G17_one_dropped_elsewhere_is_closed_when_its_thread_uses_another)
{
    int count = 1;
    struct seen seen = {0};
    thrum_generator *other = generator_of(count_body, &count);

    join_thread(spawn_thread(drop, generator_begun(echo_body, &seen)));
    assert_int_equal(seen.went_on, 0);
    assert_next_number(other, 1);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(seen.deferred, 1);
    thrum_generator_unref(other);
}

TEST(G17_one_dropped_elsewhere_is_closed_before_the_next_value)
{
    int count = 3;
    struct seen seen = {0};
    thrum_generator *other = generator_of(count_body, &count);

    assert_next_number(other, 1);
    join_thread(spawn_thread(drop, generator_begun(echo_body, &seen)));
    assert_int_equal(seen.went_on, 0);
    assert_next_number(other, 2);
    assert_int_equal(seen.deferred, 1);
    assert_next_number(other, 3);
    thrum_generator_unref(other);
}

TEST(G17_many_dropped_elsewhere_are_all_closed)
{
    enum {
        MANY = 50
    };
    int count = 1;
    static struct seen seen[MANY];
    struct test_thread *threads[MANY];
    thrum_generator *other = generator_of(count_body, &count);

    memset(seen, 0, sizeof(seen));
    for (int i = 0; i < MANY; i++)
        threads[i] = spawn_thread(drop, generator_begun(echo_body, &seen[i]));
    for (int i = 0; i < MANY; i++)
        join_thread(threads[i]);
    assert_next_number(other, 1);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(seen[i].deferred, 1);
    thrum_generator_unref(other);
}

TEST(G17_an_error_of_one_dropped_elsewhere_is_reported)
{
    int count = 1;
    struct seen seen = {.raises = -EIO};
    struct reported reported;
    thrum_generator *other = generator_of(count_body, &count);

    reported_begin(&reported);
    join_thread(spawn_thread(drop, generator_begun(once_body, &seen)));
    assert_int_equal(atomic_load(&reported.count), 0);
    assert_next_number(other, 1);
    reported_end(&reported, 1, -EIO);
    thrum_generator_unref(other);
}

/* ---- threads that end ---- */

/* Begins the generator, says so, and ends when it may. */
static void *begin_and_wait(void *arg)
{
    struct shared *shared = arg;

    CHECK_INT(thrum_generator_next(shared->generator, NULL), 0);
    gate_open(&shared->ready);
    gate_wait(&shared->go_on);
    return NULL;
}

TEST(G17_one_dropped_elsewhere_is_closed_when_its_thread_ends)
{
    struct shared shared = SHARED_INIT;
    struct test_thread *thread;

    shared.generator = generator_of(echo_body, &shared.seen);
    thread = spawn_thread(begin_and_wait, &shared);
    gate_wait(&shared.ready);
    thrum_generator_unref(shared.generator);
    gate_open(&shared.go_on);
    join_thread(thread);
    assert_int_equal(shared.seen.code, -ECANCELED);
    assert_int_equal(shared.seen.deferred, 1);
}

TEST(G17_a_thread_that_ends_closes_what_it_has_suspended)
{
    struct shared shared = SHARED_INIT;

    gate_open(&shared.go_on);
    shared.generator = generator_of(echo_body, &shared.seen);
    join_thread(spawn_thread(begin_and_wait, &shared));
    assert_int_equal(shared.seen.code, -ECANCELED);
    assert_int_equal(shared.seen.ended, 1);
    assert_int_equal(shared.seen.deferred, 1);
    assert_state(shared.generator, CLOSED);
    thrum_generator_unref(shared.generator);
}

TEST(G17_a_thread_that_ends_closes_chains_from_inside)
{
    struct shared shared = SHARED_INIT;
    struct outer outer = {0};

    gate_open(&shared.go_on);
    shared.generator = outer_of(&outer, generator_of(echo_body, &shared.seen));
    join_thread(spawn_thread(begin_and_wait, &shared));
    assert_int_equal(shared.seen.code, -ECANCELED);
    assert_int_equal(outer.code, -ECANCELED);
    assert_state(shared.generator, CLOSED);
    thrum_generator_unref(shared.generator);
}

static void *begin_many(void *arg)
{
    struct seen *seen = arg;

    for (int i = 0; i < 50; i++) {
        thrum_generator *generator = NULL;

        CHECK_INT(thrum_generator_new(echo_body, &seen[i], 0, NULL, &generator),
                  0);
        CHECK_INT(thrum_generator_next(generator, NULL), 0);
        seen[i].value = generator;
    }
    return NULL;
}

TEST(G17_a_thread_that_ends_closes_many)
{
    static struct seen seen[50];

    memset(seen, 0, sizeof(seen));
    join_thread(spawn_thread(begin_many, seen));
    for (int i = 0; i < 50; i++) {
        assert_int_equal(seen[i].code, -ECANCELED);
        assert_int_equal(seen[i].deferred, 1);
        thrum_generator_unref(seen[i].value);
    }
}

TEST(one_whose_thread_has_ended_is_gone)
{
    struct shared shared = SHARED_INIT;
    void *value = &shared;

    gate_open(&shared.go_on);
    shared.generator = generator_of(echo_body, &shared.seen);
    join_thread(spawn_thread(begin_and_wait, &shared));
    assert_int_equal(thrum_generator_next(shared.generator, &value),
                     THRUM_EGONE);
    assert_int_equal(thrum_generator_throw(shared.generator, -EIO, &value),
                     THRUM_EGONE);
    assert_int_equal(thrum_generator_close(shared.generator, NULL),
                     THRUM_EGONE);
    assert_ptr_equal(value, &shared);
    thrum_generator_unref(shared.generator);
}

/* Yields whatever it is told. */
static void *stubborn_body(void *arg)
{
    struct seen *seen = arg;

    while (seen->value == NULL)
        seen_yield(seen, seen);
    return NULL;
}

/* Its stack and its handle are kept: in a child. */
static int end_with_stubborn(void *arg)
{
    struct shared shared = SHARED_INIT;

    gate_open(&shared.go_on);
    CHECK_INT(thrum_generator_new(stubborn_body, &shared.seen, 0, NULL,
                                  &shared.generator),
              0);
    join_thread(spawn_thread(begin_and_wait, &shared));
    CHECK(shared.seen.went_on > 0);
    CHECK_INT(shared.seen.code, -ECANCELED);
    CHECK_INT(thrum_generator_next(shared.generator, NULL), THRUM_EGONE);
    thrum_generator_unref(shared.generator);
    return 0;
}

TEST(G17_one_that_will_not_end_does_not_hold_its_thread)
{
    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);
    assert_int_equal(in_child(end_with_stubborn, NULL), 0);
}

static void *come_and_go(void *arg)
{
    int *count = arg;

    for (int i = 0; i < 5; i++) {
        thrum_generator *generator = NULL;

        CHECK_INT(thrum_generator_new(count_body, count, 0, NULL, &generator),
                  0);
        CHECK_INT(thrum_generator_next(generator, NULL), 0);
        CHECK_INT(thrum_generator_next(generator, NULL), 0);
        thrum_generator_unref(generator);
    }
    return NULL;
}

/* A thread that ends looks for what is its own among the strands of all. */
TEST(threads_with_generators_come_and_go)
{
    unsigned rounds = test_scale(50);
    int count = 3;

    for (unsigned i = 0; i < rounds; i++) {
        struct test_thread *threads[4];
        struct shared shared = SHARED_INIT;

        gate_open(&shared.go_on);
        shared.generator = generator_of(echo_body, &shared.seen);
        threads[0] = spawn_thread(begin_and_wait, &shared);
        for (int k = 1; k < 4; k++)
            threads[k] = spawn_thread(come_and_go, &count);
        for (int k = 0; k < 4; k++)
            join_thread(threads[k]);
        assert_int_equal(shared.seen.deferred, 1);
        thrum_generator_unref(shared.generator);
    }
}

TEST_MAIN("generator_thread")
