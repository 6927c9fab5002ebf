/* SPDX-License-Identifier: MIT */
/*
 * test/api/greenlet_thread_test.c - greenlets and threads that are not theirs,
 * and the end of threads: L19, L23, L24.
 */
#include "greenlets.h"

/* ---- L23: refused ---- */

struct stranger {
    thrum_greenlet *main;
    thrum_greenlet *fresh;
    thrum_greenlet *suspended;
    thrum_greenlet *dead;
    int expected;
};

static void *try_to_switch(void *arg)
{
    struct stranger *stranger = arg;
    thrum_greenlet *all[] = {stranger->main, stranger->fresh,
                             stranger->suspended, stranger->dead};

    for (int i = 0; i < 4; i++) {
        int expected = stranger->expected;
        void *back = &back;

        CHECK_INT(thrum_greenlet_switch(all[i], word(1), &back), expected);
        CHECK_INT(thrum_greenlet_throw(all[i], -EIO, &back), expected);
        CHECK_INT(thrum_greenlet_throw(all[i], -ECANCELED, NULL), expected);
        CHECK(back == &back);
    }
    CHECK(thrum_greenlet_parent(thrum_greenlet_current()) == NULL);
    return NULL;
}

TEST(L23_another_threads_greenlets_are_refused_untouched)
{
    struct stranger stranger = {thrum_greenlet_current(),
                                greenlet_of(echo, NULL),
                                greenlet_of(echo_forever, NULL),
                                greenlet_of(echo, NULL), THRUM_ETHREAD};

    pass(stranger.suspended, NULL);
    pass(stranger.dead, NULL);
    join_thread(spawn_thread(try_to_switch, &stranger));
    assert_int_equal(thrum_greenlet_get_state(stranger.fresh),
                     THRUM_GREENLET_NEW);
    assert_ptr_equal(pass(stranger.suspended, word(2)), word(2));
    assert_ptr_equal(pass(stranger.fresh, word(3)), word(3));
    thrum_greenlet_unref(stranger.fresh);
    thrum_greenlet_unref(stranger.suspended);
    thrum_greenlet_unref(stranger.dead);
}

/* Also while it runs there, and from a greenlet of this thread. */
static void *run_until_open(void *gate)
{
    gate_wait(gate);
    return NULL;
}

struct running {
    _Atomic(thrum_greenlet *) greenlet;
    struct gate gate;
};

static void *run_there(void *arg)
{
    struct running *running = arg;
    thrum_greenlet *greenlet = greenlet_of(run_until_open, NULL);

    thrum_greenlet_ref(greenlet);
    atomic_store(&running->greenlet, greenlet);
    pass(greenlet, &running->gate);
    thrum_greenlet_unref(greenlet);
    return NULL;
}

static void *switch_from_greenlet(void *target)
{
    CHECK_INT(thrum_greenlet_switch(target, NULL, NULL), THRUM_ETHREAD);
    CHECK_INT(thrum_greenlet_throw(target, -EIO, NULL), THRUM_ETHREAD);
    CHECK(thrum_error_pending() == NULL);
    return word(1);
}

TEST(L23_one_that_runs_elsewhere_is_refused)
{
    struct running running = {NULL, GATE_INIT};
    struct test_thread *thread = spawn_thread(run_there, &running);
    thrum_greenlet *mine = greenlet_of(switch_from_greenlet, NULL);
    thrum_greenlet *there;

    WAIT_UNTIL((there = atomic_load(&running.greenlet)) != NULL);
    assert_ptr_equal(pass(mine, there), word(1));
    gate_open(&running.gate);
    join_thread(thread);
    thrum_greenlet_unref(there);
    thrum_greenlet_unref(mine);
}

static void *leave_three(void *arg)
{
    struct stranger *stranger = arg;

    stranger->main = thrum_greenlet_ref(thrum_greenlet_current());
    stranger->fresh = greenlet_of(echo, NULL);
    stranger->suspended = greenlet_of(echo_forever, NULL);
    stranger->dead = greenlet_of(echo, NULL);
    pass(stranger->suspended, NULL);
    pass(stranger->dead, NULL);
    return NULL;
}

TEST(L23_those_of_a_thread_that_has_ended_are_gone)
{
    struct stranger stranger = {.expected = THRUM_EGONE};

    join_thread(spawn_thread(leave_three, &stranger));
    try_to_switch(&stranger);
    join_thread(spawn_thread(try_to_switch, &stranger));
    assert_true(thrum_greenlet_dead(stranger.suspended));
    thrum_greenlet_unref(stranger.fresh);
    thrum_greenlet_unref(stranger.suspended);
    thrum_greenlet_unref(stranger.dead);
    thrum_greenlet_unref(stranger.main);
}

static void *refuse_to_end(void *arg)
{
    while (yield_up(NULL, NULL) != 0)
        ;
    test_check_failed(__FILE__, __LINE__, "it was switched to");
    return NULL;
}

static void *leave_stuck(void *arg)
{
    thrum_greenlet **stuck = arg;

    *stuck = greenlet_of(refuse_to_end, NULL);
    pass(*stuck, NULL);
    return NULL;
}

static void *try_stuck(void *stuck)
{
    thrum_greenlet_current();
    CHECK_INT(thrum_greenlet_switch(stuck, NULL, NULL), -EOWNERDEAD);
    CHECK_INT(thrum_greenlet_throw(stuck, -EIO, NULL), -EOWNERDEAD);
    return NULL;
}

TEST(L23_what_would_not_end_with_its_thread_is_told_apart)
{
    thrum_greenlet *stuck = NULL;
    struct told told;

    told_begin(&told);
    join_thread(spawn_thread(leave_stuck, &stuck));
    assert_int_equal(told.count, 1);
    try_stuck(stuck);
    /* whose memory may be where the other's was */
    join_thread(spawn_thread(try_stuck, stuck));
    thrum_greenlet_unref(stuck);
    told_end();
}

static void switch_in_callback(thrum_future *future, void *greenlet)
{
    CHECK_INT(thrum_greenlet_switch(greenlet, NULL, NULL), THRUM_ECONTEXT);
    CHECK_INT(thrum_greenlet_throw(greenlet, -EIO, NULL), THRUM_ECONTEXT);
}

TEST(L23_not_in_a_callback)
{
    thrum_greenlet *greenlet = greenlet_of(echo, NULL);
    thrum_promise *promise = NULL;
    thrum_future *future = NULL;

    assert_int_equal(thrum_promise_new(&promise, &future), 0);
    assert_int_equal(
        thrum_future_add_done_callback(future, switch_in_callback, greenlet),
        0);
    assert_int_equal(thrum_promise_set_result(promise, NULL), 0);
    assert_int_equal(thrum_greenlet_get_state(greenlet), THRUM_GREENLET_NEW);
    thrum_promise_free(promise);
    thrum_future_unref(future);
    thrum_greenlet_unref(greenlet);
}

/* ---- L24: the main greenlet ends ---- */

static void *keep_main(void *arg)
{
    thrum_greenlet **kept = arg;

    *kept = thrum_greenlet_ref(thrum_greenlet_current());
    CHECK(thrum_greenlet_active(*kept));
    return NULL;
}

TEST(L24_the_main_greenlet_dies_with_its_thread)
{
    thrum_greenlet *main = NULL;

    join_thread(spawn_thread(keep_main, &main));
    assert_true(thrum_greenlet_dead(main));
    assert_false(thrum_greenlet_active(main));
    assert_int_equal(thrum_greenlet_switch(main, NULL, NULL), THRUM_EGONE);
    thrum_greenlet_unref(main);
}

struct last {
    bool main_lives;
    bool is_parent;
};

static void *look_for_main(void *arg)
{
    struct last *last = arg;
    thrum_greenlet *main = thrum_greenlet_parent(thrum_greenlet_current());

    yield_up(NULL, NULL);
    last->main_lives = thrum_greenlet_active(main);
    last->is_parent = thrum_greenlet_parent(thrum_greenlet_current()) == main;
    return NULL;
}

static void *leave_looking(void *last)
{
    pass(greenlet_of(look_for_main, NULL), last);
    return NULL;
}

TEST(L24_the_others_are_ended_before_it)
{
    struct last last = {false, false};

    join_thread(spawn_thread(leave_looking, &last));
    assert_true(last.main_lives);
    assert_true(last.is_parent);
}

/* ---- L19: pthread_exit in a greenlet ---- */

struct leaving {
    thrum_greenlet *self;
    unsigned cleaned; /* of the frames that pthread_exit() passes by */
    int code;
    bool drops; /* its last reference, before */
};

static void clean(void *arg)
{
    ((struct leaving *)arg)->cleaned++;
}

static void *exit_thread(void *arg)
{
    struct leaving *leaving = arg;

    pthread_cleanup_push(clean, leaving);
    if (leaving->drops)
        thrum_greenlet_unref(thrum_greenlet_current());
    pthread_exit(leaving);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *note_code(void *arg)
{
    struct leaving *leaving = arg;

    leaving->code = yield_up(NULL, NULL);
    return NULL;
}

static void *exit_in_greenlet(void *arg)
{
    struct leaving *leaving = arg;

    pass(greenlet_of(note_code, NULL), leaving);
    leaving->self = greenlet_of(exit_thread, NULL);
    pass(leaving->self, leaving);
    test_check_failed(__FILE__, __LINE__, "pthread_exit returned");
    return NULL;
}

TEST(L19_a_thread_may_end_in_a_greenlet)
{
    struct leaving leaving = {.code = 1, .drops = false};

    if (TEST_TSAN)
        TEST_SKIP("its runtime wants pthread_exit() on the thread's stack");
    assert_ptr_equal(join_thread(spawn_thread(exit_in_greenlet, &leaving)),
                     &leaving);
    assert_int_equal(leaving.cleaned, 1);
    assert_int_equal(leaving.code, -ECANCELED);
    assert_int_equal(thrum_greenlet_get_state(leaving.self),
                     THRUM_GREENLET_FAILED);
    assert_int_equal(thrum_greenlet_error(leaving.self)->code, THRUM_EEXITED);
    thrum_greenlet_unref(leaving.self);
}

TEST(L19_a_thread_may_end_in_a_greenlet_that_nobody_holds)
{
    struct leaving leaving = {.code = 1, .drops = true};

    if (TEST_TSAN)
        TEST_SKIP("its runtime wants pthread_exit() on the thread's stack");
    assert_ptr_equal(join_thread(spawn_thread(exit_in_greenlet, &leaving)),
                     &leaving);
    assert_int_equal(leaving.cleaned, 1);
    assert_int_equal(leaving.code, -ECANCELED);
}

/* ---- many threads ---- */

static void *switch_a_lot(void *arg)
{
    unsigned count = *(unsigned *)arg;
    thrum_greenlet *greenlets[8];

    for (int i = 0; i < 8; i++)
        greenlets[i] = greenlet_of(echo_forever, NULL);
    for (unsigned i = 0; i < count; i++)
        CHECK(pass(greenlets[i % 8], word(i)) == word(i));
    for (int i = 0; i < 8; i++)
        if (i % 2 == 0)
            thrum_greenlet_unref(greenlets[i]);
    return NULL; /* the others end with the thread, and stay held */
}

TEST(L23_threads_switch_each_among_their_own)
{
    enum {
        THREADS = 4
    };
    struct test_thread *threads[THREADS];
    unsigned count = test_scale(20000);

    for (int i = 0; i < THREADS; i++)
        threads[i] = spawn_thread(switch_a_lot, &count);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
}

TEST_MAIN("greenlet-thread")
