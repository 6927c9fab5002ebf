/* SPDX-License-Identifier: MIT */
/*
 * test/api/greenlet_end_test.c - where a greenlet's end leads, and what is
 * thrown into it: L9 to L15.
 */
#include <signal.h>

#include "greenlets.h"

/* ---- L9: the end ---- */

TEST(L9_what_it_returns_goes_to_the_parent)
{
    thrum_greenlet *parent = greenlet_of(echo_forever, NULL);
    thrum_greenlet *child = greenlet_of(echo, parent);

    pass(parent, NULL);
    assert_ptr_equal(pass(child, word(6)), word(6)); /* through the parent */
    assert_int_equal(thrum_greenlet_get_state(child), THRUM_GREENLET_DONE);
    assert_null(thrum_greenlet_error(child));
    thrum_greenlet_unref(child);
    thrum_greenlet_unref(parent);
}

TEST(L9_an_error_is_what_the_parents_switch_returns)
{
    thrum_greenlet *greenlet = greenlet_of(fail_with, NULL);
    void *back = &back;
    const thrum_error *error;

    assert_int_equal(thrum_greenlet_switch(greenlet, word(-EIO), &back), -EIO);
    assert_ptr_equal(back, &back); /* untouched */
    assert_int_equal(thrum_greenlet_get_state(greenlet), THRUM_GREENLET_FAILED);
    error = thrum_greenlet_error(greenlet);
    assert_non_null(error);
    assert_int_equal(error->code, -EIO);
    assert_string_equal(error->message, "as told");
    thrum_greenlet_unref(greenlet);
}

/* Lets a child fail; `arg` says whether it deals with that. */
static void *have_child_fail(void *arg)
{
    thrum_greenlet *child = greenlet_of(fail_with, NULL);
    const thrum_error *error;

    CHECK_INT(thrum_greenlet_switch(child, word(-EPERM), NULL), -EPERM);
    thrum_greenlet_unref(child);
    error = thrum_error_pending();
    if (CHECK(error != NULL)) {
        CHECK_INT(error->code, -EPERM);
        CHECK(strcmp(error->message, "as told") == 0);
    }
    if (arg != NULL)
        thrum_error_clear();
    return NULL;
}

TEST(L9_a_childs_error_is_pending_in_the_parents_body)
{
    thrum_greenlet *passes = greenlet_of(have_child_fail, NULL);
    thrum_greenlet *clears = greenlet_of(have_child_fail, NULL);

    assert_int_equal(thrum_greenlet_switch(passes, NULL, NULL), -EPERM);
    assert_string_equal(thrum_greenlet_error(passes)->message, "as told");
    assert_null(pass(clears, word(1)));
    assert_int_equal(thrum_greenlet_get_state(clears), THRUM_GREENLET_DONE);
    thrum_greenlet_unref(passes);
    thrum_greenlet_unref(clears);
}

TEST(L9_a_cancelled_one_just_returns)
{
    thrum_greenlet *greenlet = greenlet_of(echo_forever, NULL);
    void *back = &back;

    pass(greenlet, NULL);
    assert_int_equal(thrum_greenlet_throw(greenlet, -ECANCELED, &back), 0);
    assert_null(back);
    assert_int_equal(thrum_greenlet_get_state(greenlet),
                     THRUM_GREENLET_CANCELLED);
    assert_null(thrum_greenlet_error(greenlet));
    thrum_greenlet_unref(greenlet);
}

/* What a call inside of it said, passed on: nobody has cancelled the parent. */
TEST(L9_one_that_raises_the_cancellation_is_cancelled)
{
    thrum_greenlet *greenlet = greenlet_of(fail_with, NULL);
    void *back = &back;

    assert_int_equal(thrum_greenlet_switch(greenlet, word(-ECANCELED), &back),
                     0);
    assert_null(back);
    assert_int_equal(thrum_greenlet_get_state(greenlet),
                     THRUM_GREENLET_CANCELLED);
    thrum_greenlet_unref(greenlet);
}

/* Ends by a value when it is cancelled. */
static void *answer_cancel(void *arg)
{
    CHECK_INT(yield_up(NULL, NULL), -ECANCELED);
    return arg;
}

TEST(L9_a_value_stands_after_a_cancellation)
{
    thrum_greenlet *greenlet = greenlet_of(answer_cancel, NULL);
    void *back = NULL;

    pass(greenlet, word(12));
    assert_int_equal(thrum_greenlet_throw(greenlet, -ECANCELED, &back), 0);
    assert_ptr_equal(back, word(12));
    assert_int_equal(thrum_greenlet_get_state(greenlet), THRUM_GREENLET_DONE);
    thrum_greenlet_unref(greenlet);
}

/* ---- L10: parents that cannot take it ---- */

TEST(L10_the_error_of_the_delivery_goes_to_the_grandparent)
{
    thrum_greenlet *empty = greenlet_of(NULL, NULL);
    thrum_greenlet *child = greenlet_of(echo, empty);
    void *back = &back;

    assert_int_equal(thrum_greenlet_switch(child, word(1), &back),
                     THRUM_EBADSWITCH);
    assert_ptr_equal(back, &back);
    assert_true(thrum_greenlet_dead(child));
    assert_int_equal(thrum_greenlet_get_state(empty), THRUM_GREENLET_NEW);
    thrum_greenlet_unref(child);
    thrum_greenlet_unref(empty);
}

/* Moves the parent of its argument's child to this thread's main greenlet, so
 * that the child has no ancestor left in its own thread. */
struct moved {
    thrum_greenlet *parent;
    struct gate moved;
    struct gate over;
};

static void *take_parent(void *arg)
{
    struct moved *moved = arg;

    CHECK_INT(
        thrum_greenlet_set_parent(moved->parent, thrum_greenlet_current()), 0);
    gate_open(&moved->moved);
    gate_wait(&moved->over);
    return NULL;
}

static int end_without_parents(void *arg)
{
    static struct moved moved = {NULL, GATE_INIT, GATE_INIT};
    thrum_greenlet *child;

    moved.parent = greenlet_of(echo, NULL);
    child = greenlet_of(echo, moved.parent);
    spawn_thread(take_parent, &moved);
    gate_wait(&moved.moved);
    CHECK(freopen("/dev/null", "w", stderr) != NULL);
    return thrum_greenlet_switch(child, NULL, arg) == 0; /* it came back */
}

TEST(L10_without_any_parent_the_process_aborts)
{
    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);

    void *back;

    assert_int_equal(in_child(end_without_parents, &back), 128 + SIGABRT);
}

/* ---- L11, L12: the parent ---- */

/* Says who it is to whoever is its parent, until it is told to stop. */
static void *say_name(void *name)
{
    void *go_on = word(1);

    while (go_on != NULL && yield_up(name, &go_on) == 0)
        ;
    return name;
}

/* Lets a child go on, and returns 1 more than it. */
static void *one_more(void *child)
{
    return word(number_of(pass(child, NULL)) + 1);
}

TEST(L11_the_parent_is_looked_up_at_the_end)
{
    thrum_greenlet *greenlet = greenlet_of(say_name, NULL);
    thrum_greenlet *other = greenlet_of(one_more, NULL);

    assert_ptr_equal(pass(greenlet, word(40)), word(40));
    assert_int_equal(thrum_greenlet_set_parent(greenlet, other), 0);
    assert_ptr_equal(thrum_greenlet_parent(greenlet), other);
    /* it ends while other waits for it, so that other goes on first */
    assert_ptr_equal(pass(other, greenlet), word(41));
    assert_true(thrum_greenlet_dead(greenlet));
    assert_true(thrum_greenlet_dead(other));
    thrum_greenlet_unref(greenlet);
    thrum_greenlet_unref(other);
}

TEST(L11_a_parent_is_held_by_its_children_only)
{
    thrum_greenlet *first = greenlet_of(echo, NULL);
    thrum_greenlet *second = greenlet_of(echo, NULL);
    thrum_greenlet *child = greenlet_of(echo, first);

    thrum_greenlet_unref(first);
    assert_int_equal(thrum_greenlet_set_parent(child, second), 0);
    thrum_greenlet_unref(second);
    assert_int_equal(thrum_greenlet_set_parent(child, thrum_greenlet_current()),
                     0);
    assert_ptr_equal(pass(child, word(2)), word(2));
    thrum_greenlet_unref(child);
}

TEST(L12_no_cycle)
{
    thrum_greenlet *first = greenlet_of(echo, NULL);
    thrum_greenlet *second = greenlet_of(echo, first);
    thrum_greenlet *third = greenlet_of(echo, second);

    assert_int_equal(thrum_greenlet_set_parent(first, first), THRUM_EBADSWITCH);
    assert_int_equal(thrum_greenlet_set_parent(first, second),
                     THRUM_EBADSWITCH);
    assert_int_equal(thrum_greenlet_set_parent(first, third), THRUM_EBADSWITCH);
    assert_int_equal(thrum_greenlet_set_parent(third, first), 0);
    assert_int_equal(thrum_greenlet_set_parent(second, third), 0);
    thrum_greenlet_unref(third);
    thrum_greenlet_unref(second);
    thrum_greenlet_unref(first);
}

TEST(L12_not_without_a_parent)
{
    thrum_greenlet *greenlet = greenlet_of(echo, NULL);

    assert_int_equal(thrum_greenlet_set_parent(greenlet, NULL), -EINVAL);
    assert_ptr_equal(thrum_greenlet_parent(greenlet), thrum_greenlet_current());
    thrum_greenlet_unref(greenlet);
}

struct foreign {
    thrum_greenlet *begun;
    thrum_greenlet *ended;
    thrum_greenlet *fresh;
};

static void *adopt_foreign(void *arg)
{
    struct foreign *foreign = arg;
    thrum_greenlet *here = thrum_greenlet_current();

    CHECK_INT(thrum_greenlet_set_parent(foreign->begun, here), THRUM_ETHREAD);
    CHECK_INT(thrum_greenlet_set_parent(foreign->ended, here), THRUM_ETHREAD);
    CHECK_INT(thrum_greenlet_switch(foreign->fresh, NULL, NULL), THRUM_ETHREAD);
    CHECK_INT(thrum_greenlet_set_parent(foreign->fresh, here), 0);
    CHECK(pass(foreign->fresh, word(9)) == word(9));
    thrum_greenlet_unref(foreign->fresh);
    return NULL;
}

TEST(L12_one_that_has_begun_gets_no_parent_of_another_thread)
{
    struct foreign foreign = {greenlet_of(echo_forever, NULL),
                              greenlet_of(echo, NULL), greenlet_of(echo, NULL)};

    pass(foreign.begun, NULL);
    pass(foreign.ended, NULL);
    join_thread(spawn_thread(adopt_foreign, &foreign));
    assert_ptr_equal(thrum_greenlet_parent(foreign.begun),
                     thrum_greenlet_current());
    assert_ptr_equal(pass(foreign.begun, word(3)), word(3));
    thrum_greenlet_unref(foreign.begun);
    thrum_greenlet_unref(foreign.ended);
}

/* ---- L13 to L15: throw ---- */

/* Returns the code that its switch returned, as its value. */
static void *tell_code(void *arg)
{
    return word(yield_up(arg, NULL));
}

TEST(L13_what_is_thrown_is_what_its_switch_returns)
{
    int codes[] = {-EIO, -ECANCELED, -1, THRUM_EFAILED, THRUM_EUSER - 7};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        thrum_greenlet *greenlet = greenlet_of(tell_code, NULL);
        void *back = NULL;

        pass(greenlet, NULL);
        assert_int_equal(thrum_greenlet_throw(greenlet, codes[i], &back), 0);
        assert_int_equal(number_of(back), codes[i]);
        thrum_greenlet_unref(greenlet);
    }
}

TEST(L13_what_is_no_error_is_not_thrown)
{
    thrum_greenlet *greenlet = greenlet_of(tell_code, NULL);

    assert_int_equal(thrum_greenlet_throw(greenlet, 0, NULL), -EINVAL);
    assert_int_equal(thrum_greenlet_throw(greenlet, 5, NULL), -EINVAL);
    assert_int_equal(thrum_greenlet_throw(greenlet, THRUM_ESTOP, NULL),
                     -EINVAL);
    assert_int_equal(thrum_greenlet_get_state(greenlet), THRUM_GREENLET_NEW);
    thrum_greenlet_unref(greenlet);
}

static void *never_runs(void *arg)
{
    test_check_failed(__FILE__, __LINE__, "it ran");
    return NULL;
}

TEST(L13_an_unstarted_one_dies_without_running)
{
    thrum_greenlet *failed = greenlet_of(never_runs, NULL);
    thrum_greenlet *cancelled = greenlet_of(never_runs, NULL);
    void *back = &back;

    assert_int_equal(thrum_greenlet_throw(failed, -EIO, &back), -EIO);
    assert_ptr_equal(back, &back);
    assert_int_equal(thrum_greenlet_get_state(failed), THRUM_GREENLET_FAILED);
    assert_int_equal(thrum_greenlet_error(failed)->code, -EIO);
    assert_int_equal(thrum_greenlet_throw(cancelled, -ECANCELED, &back), 0);
    assert_null(back);
    assert_int_equal(thrum_greenlet_get_state(cancelled),
                     THRUM_GREENLET_CANCELLED);
    thrum_greenlet_unref(failed);
    thrum_greenlet_unref(cancelled);
}

TEST(L13_an_error_ends_a_line_of_unstarted_ones)
{
    thrum_greenlet *parent = greenlet_of(never_runs, NULL);
    thrum_greenlet *child = greenlet_of(never_runs, parent);

    assert_int_equal(thrum_greenlet_throw(child, -EIO, NULL), -EIO);
    assert_int_equal(thrum_greenlet_get_state(child), THRUM_GREENLET_FAILED);
    assert_int_equal(thrum_greenlet_get_state(parent), THRUM_GREENLET_FAILED);
    thrum_greenlet_unref(child);
    thrum_greenlet_unref(parent);
}

/* The cancellation is a plain return to the parent, which therefore begins. */
TEST(L13_a_cancellation_starts_an_unstarted_parent)
{
    thrum_greenlet *parent = greenlet_of(say_name, NULL);
    thrum_greenlet *child = greenlet_of(never_runs, parent);
    void *back = &back;

    assert_int_equal(thrum_greenlet_throw(child, -ECANCELED, &back), 0);
    assert_null(back); /* what the parent was begun with */
    assert_int_equal(thrum_greenlet_get_state(child), THRUM_GREENLET_CANCELLED);
    assert_int_equal(thrum_greenlet_get_state(parent), THRUM_GREENLET_ACTIVE);
    thrum_greenlet_unref(child);
    thrum_greenlet_unref(parent);
}

static void *throw_at_self(void *code)
{
    thrum_greenlet *self = thrum_greenlet_current();
    int rc = thrum_greenlet_throw(self, (int)number_of(code), NULL);

    CHECK_INT(rc, number_of(code));
    return NULL;
}

TEST(L13_what_is_thrown_at_oneself_is_pending)
{
    thrum_greenlet *failed = greenlet_of(throw_at_self, NULL);
    thrum_greenlet *cancelled = greenlet_of(throw_at_self, NULL);

    assert_int_equal(thrum_greenlet_switch(failed, word(-EIO), NULL), -EIO);
    assert_int_equal(thrum_greenlet_get_state(failed), THRUM_GREENLET_FAILED);
    assert_int_equal(thrum_greenlet_switch(cancelled, word(-ECANCELED), NULL),
                     0);
    assert_int_equal(thrum_greenlet_get_state(cancelled),
                     THRUM_GREENLET_CANCELLED);
    thrum_greenlet_unref(failed);
    thrum_greenlet_unref(cancelled);
}

/* An error that was thrown is dealt with by the next switch: none is the cause
 * of the one after it. */
static void *go_on_after_errors(void *arg)
{
    unsigned *errors = arg;

    for (int i = 0; i < 3; i++) {
        int rc = yield_up(NULL, NULL);
        const thrum_error *error = thrum_error_pending();

        if (!CHECK(error != NULL))
            return NULL;
        CHECK_INT(error->code, rc);
        CHECK(error->cause == NULL);
        ++*errors;
    }
    return NULL;
}

TEST(L13_the_next_switch_deals_with_what_was_thrown)
{
    thrum_greenlet *greenlet = greenlet_of(go_on_after_errors, NULL);
    unsigned errors = 0;

    pass(greenlet, &errors);
    assert_int_equal(thrum_greenlet_throw(greenlet, -EIO, NULL), 0);
    assert_int_equal(thrum_greenlet_throw(greenlet, -EPERM, NULL), 0);
    assert_int_equal(thrum_greenlet_throw(greenlet, -EXDEV, NULL), -EXDEV);
    assert_int_equal(errors, 3);
    thrum_greenlet_unref(greenlet);
}

TEST(L14_what_is_thrown_at_a_dead_one_goes_to_its_living_ancestor)
{
    thrum_greenlet *living = greenlet_of(tell_code, NULL);
    thrum_greenlet *dead = greenlet_of(echo, NULL);
    void *back = &back;

    pass(dead, NULL);
    assert_int_equal(thrum_greenlet_throw(dead, -EIO, &back), -EIO); /* us */
    assert_int_equal(thrum_greenlet_throw(dead, -ECANCELED, &back), 0);
    assert_null(back);
    assert_int_equal(thrum_greenlet_set_parent(dead, living), 0);
    pass(living, NULL);
    assert_int_equal(thrum_greenlet_throw(dead, -EIO, &back), 0);
    assert_ptr_equal(back, word(-EIO));
    thrum_greenlet_unref(dead);
    thrum_greenlet_unref(living);
}

TEST(L14_a_cancellation_of_a_dead_one_is_a_plain_return)
{
    thrum_greenlet *living = greenlet_of(tell_code, NULL);
    thrum_greenlet *unstarted = greenlet_of(say_name, NULL);
    thrum_greenlet *dead = greenlet_of(echo, NULL);
    void *back = &back;

    pass(dead, NULL);
    assert_int_equal(thrum_greenlet_set_parent(dead, living), 0);
    pass(living, NULL);
    assert_int_equal(thrum_greenlet_throw(dead, -ECANCELED, &back), 0);
    assert_ptr_equal(back, word(0)); /* its switch returned 0 */
    assert_int_equal(thrum_greenlet_set_parent(dead, unstarted), 0);
    assert_int_equal(thrum_greenlet_throw(dead, -ECANCELED, &back), 0);
    assert_true(thrum_greenlet_active(unstarted));
    thrum_greenlet_unref(dead);
    thrum_greenlet_unref(unstarted);
    thrum_greenlet_unref(living);
}

/* Throws at its argument, a greenlet that goes to main when that happens. */
static void *throw_and_tell(void *target)
{
    void *back = NULL;

    CHECK_INT(thrum_greenlet_throw(target, -EIO, &back), 0);
    return back;
}

TEST(L15_throw_returns_what_whoever_resumes_the_caller_says)
{
    thrum_greenlet *target = greenlet_of(tell_code, NULL);
    thrum_greenlet *thrower = greenlet_of(throw_and_tell, NULL);

    pass(target, NULL);
    /* the target ends, in its parent: that is us, the thrower is left */
    assert_ptr_equal(pass(thrower, target), word(-EIO));
    assert_true(thrum_greenlet_dead(target));
    assert_true(thrum_greenlet_active(thrower));
    assert_ptr_equal(pass(thrower, word(77)), word(77));
    assert_true(thrum_greenlet_dead(thrower));
    thrum_greenlet_unref(target);
    thrum_greenlet_unref(thrower);
}

static void *throw_and_fail(void *target)
{
    CHECK_INT(thrum_greenlet_throw(target, -EIO, NULL), -EPERM);
    return NULL;
}

TEST(L15_throw_may_return_an_error_that_was_thrown_back)
{
    thrum_greenlet *target = greenlet_of(tell_code, NULL);
    thrum_greenlet *thrower = greenlet_of(throw_and_fail, NULL);

    pass(target, NULL);
    pass(thrower, target);
    assert_int_equal(thrum_greenlet_throw(thrower, -EPERM, NULL), -EPERM);
    assert_int_equal(thrum_greenlet_get_state(thrower), THRUM_GREENLET_FAILED);
    thrum_greenlet_unref(target);
    thrum_greenlet_unref(thrower);
}

/* ---- deferred calls ---- */

static void note(void *arg)
{
    unsigned **at = arg;

    *(*at)++ = 1;
}

static void *defer_twice(void *arg)
{
    CHECK_INT(thrum_defer(note, arg), 0);
    CHECK_INT(thrum_defer(note, arg), 0);
    yield_up(NULL, NULL);
    return NULL;
}

TEST(L9_deferred_calls_run_however_it_ends)
{
    int codes[] = {0, -EIO, -ECANCELED};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        thrum_greenlet *greenlet = greenlet_of(defer_twice, NULL);
        unsigned notes[3] = {0};
        unsigned *at = notes;

        pass(greenlet, &at);
        assert_ptr_equal(at, notes);
        if (codes[i] == 0)
            pass(greenlet, NULL);
        else
            (void)!thrum_greenlet_throw(greenlet, codes[i], NULL);
        assert_ptr_equal(at, notes + 2);
        thrum_greenlet_unref(greenlet);
    }
}

TEST_MAIN("greenlet-end")
