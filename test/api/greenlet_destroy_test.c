/* SPDX-License-Identifier: MIT */
/*
 * test/api/greenlet_destroy_test.c - the last unref of a greenlet, and what
 * happens to it when nobody is left to go on: L16 to L22.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "greenlets.h"

/* ---- L16: the last unref ---- */

/* Notes the code that ends it. */
static void *note_code(void *code)
{
    int rc = yield_up(NULL, NULL);

    *(int *)code = rc;
    return NULL;
}

TEST(L16_the_last_unref_cancels_at_once)
{
    thrum_greenlet *greenlet = greenlet_of(note_code, NULL);
    struct told told;
    int code = 1;

    told_begin(&told);
    pass(greenlet, &code);
    thrum_greenlet_unref(thrum_greenlet_ref(greenlet));
    assert_int_equal(code, 1);
    thrum_greenlet_unref(greenlet);
    assert_int_equal(code, -ECANCELED);
    assert_int_equal(told.count, 0);
    told_end();
}

TEST(L16_one_that_has_not_begun_just_goes)
{
    thrum_greenlet_unref(greenlet_of(echo, NULL));
    thrum_greenlet_unref(greenlet_of(NULL, NULL));
    thrum_greenlet_unref(NULL);
}

struct parting {
    thrum_greenlet *destroyer;
    bool seen; /* its parent was the destroyer */
};

static void *look_at_parent(void *arg)
{
    struct parting *parting = arg;

    yield_up(NULL, NULL);
    parting->seen =
        thrum_greenlet_parent(thrum_greenlet_current()) == parting->destroyer;
    return NULL;
}

static void *destroy(void *greenlet)
{
    thrum_greenlet_unref(greenlet);
    return word(1);
}

/* Its own parent is another, which must not notice. */
TEST(L16_meanwhile_the_destroyer_is_its_parent)
{
    thrum_greenlet *bystander = greenlet_of(echo_forever, NULL);
    thrum_greenlet *greenlet = greenlet_of(look_at_parent, NULL);
    thrum_greenlet *destroyer = greenlet_of(destroy, NULL);
    struct parting parting = {destroyer, false};

    pass(bystander, NULL);
    pass(greenlet, &parting);
    assert_int_equal(thrum_greenlet_set_parent(greenlet, bystander), 0);
    assert_ptr_equal(pass(destroyer, greenlet), word(1));
    assert_true(parting.seen);
    assert_ptr_equal(pass(bystander, word(2)), word(2));
    thrum_greenlet_unref(bystander);
    thrum_greenlet_unref(destroyer);
}

/* Keeps itself, and lives on. */
static void *resurrect(void *arg)
{
    thrum_greenlet **kept = arg;

    CHECK_INT(yield_up(NULL, NULL), -ECANCELED);
    *kept = thrum_greenlet_ref(thrum_greenlet_current());
    CHECK_INT(yield_up(NULL, NULL), 0);
    return word(3);
}

TEST(L16_one_that_is_resurrected_has_its_parent_again)
{
    thrum_greenlet *parent = greenlet_of(echo_forever, NULL);
    thrum_greenlet *greenlet = greenlet_of(resurrect, NULL);
    thrum_greenlet *kept = NULL;
    struct told told;

    told_begin(&told);
    pass(parent, NULL);
    pass(greenlet, &kept);
    assert_int_equal(thrum_greenlet_set_parent(greenlet, parent), 0);
    thrum_greenlet_unref(greenlet);
    assert_ptr_equal(kept, greenlet);
    assert_true(thrum_greenlet_active(kept));
    assert_ptr_equal(thrum_greenlet_parent(kept), parent);
    assert_ptr_equal(pass(kept, NULL), word(3)); /* by way of its parent */
    assert_int_equal(told.count, 0);
    thrum_greenlet_unref(kept);
    thrum_greenlet_unref(parent);
    told_end();
}

struct moving {
    thrum_greenlet *parent;
    unsigned ended; /* parents that did */
};

static void *count_end(void *arg)
{
    unsigned *ended = arg;

    yield_up(NULL, NULL);
    ++*ended; /* only ever in the owner's thread */
    return NULL;
}

/* Sets another parent while it is being destroyed, and goes on there. */
static void *move_away(void *arg)
{
    struct moving *moving = arg;
    thrum_greenlet *self = thrum_greenlet_current();

    CHECK_INT(yield_up(NULL, NULL), -ECANCELED);
    CHECK_INT(thrum_greenlet_set_parent(self, moving->parent), 0);
    return &moving->ended;
}

TEST(L16_a_parent_that_is_set_meanwhile_is_let_go)
{
    struct moving moving = {NULL, 0};

    for (unsigned i = 1; i <= 8; i++) { /* more often than main is held */
        thrum_greenlet *destroyer = greenlet_of(destroy, NULL);
        thrum_greenlet *greenlet = greenlet_of(move_away, NULL);

        moving.parent = greenlet_of(count_end, NULL);
        pass(greenlet, &moving);
        assert_null(pass(destroyer, greenlet)); /* from the new parent */
        assert_true(thrum_greenlet_active(destroyer));
        thrum_greenlet_unref(destroyer);
        assert_int_equal(moving.ended, i - 1);
        thrum_greenlet_unref(moving.parent);
        assert_int_equal(moving.ended, i);
    }
}

/* Drops the last reference of itself while it runs. */
static void *drop_self(void *arg)
{
    thrum_greenlet_unref(thrum_greenlet_current());
    CHECK(thrum_greenlet_active(thrum_greenlet_current()));
    return word(11);
}

TEST(L16_one_that_drops_itself_runs_to_its_end)
{
    assert_ptr_equal(pass(greenlet_of(drop_self, NULL), NULL), word(11));
}

static void *drop_self_and_stop(void *code)
{
    thrum_greenlet_unref(thrum_greenlet_current());
    *(int *)code = yield_up(word(12), NULL);
    return NULL;
}

TEST(L16_one_that_drops_itself_is_cancelled_when_it_stops)
{
    int code = 1;

    assert_ptr_equal(pass(greenlet_of(drop_self_and_stop, NULL), &code),
                     word(12));
    assert_int_equal(code, -ECANCELED);
}

/* A chain: each is the only one to hold the next, of whom it is no parent, for
 * that would make a cycle. */
static void *hold_next(void *arg)
{
    thrum_greenlet *main = thrum_greenlet_parent(thrum_greenlet_current());
    unsigned *left = arg;
    thrum_greenlet *next = NULL;
    int rc;

    if (--*left > 0) {
        next = greenlet_of(hold_next, main);
        rc = thrum_greenlet_switch(next, left, NULL);
    } else {
        rc = thrum_greenlet_switch(main, NULL, NULL);
    }
    CHECK_INT(rc, -ECANCELED);
    thrum_greenlet_unref(next);
    ++*left;
    return NULL;
}

TEST(L16_a_chain_of_holders_goes_at_once)
{
    unsigned count = test_scale(1000);
    unsigned left = count;
    thrum_greenlet *first = greenlet_of(hold_next, NULL);

    pass(first, &left);
    assert_int_equal(left, 0);
    thrum_greenlet_unref(first);
    assert_int_equal(left, count);
}

static void note_defer(void *arg)
{
    *(int *)arg = 1;
}

static void *defer_and_stop(void *deferred)
{
    CHECK_INT(thrum_defer(note_defer, deferred), 0);
    CHECK_INT(yield_up(NULL, NULL), -ECANCELED);
    CHECK_INT(*(int *)deferred, 0);
    return NULL;
}

TEST(L16_deferred_calls_run_on_destruction)
{
    thrum_greenlet *greenlet = greenlet_of(defer_and_stop, NULL);
    int deferred = 0;

    pass(greenlet, &deferred);
    assert_int_equal(deferred, 0);
    thrum_greenlet_unref(greenlet);
    assert_int_equal(deferred, 1);
}

/* The caller's own error stays pending while it destroys another. */
static void *destroy_with_an_error(void *greenlet)
{
    thrum_raise(-EIO, "before");
    thrum_greenlet_unref(greenlet);
    CHECK(thrum_error_pending() != NULL);
    return NULL;
}

TEST(L16_the_destroyers_own_error_stays)
{
    thrum_greenlet *greenlet = greenlet_of(note_code, NULL);
    thrum_greenlet *destroyer = greenlet_of(destroy_with_an_error, NULL);
    int code = 0;

    pass(greenlet, &code);
    assert_int_equal(thrum_greenlet_switch(destroyer, greenlet, NULL), -EIO);
    assert_int_equal(code, -ECANCELED);
    thrum_greenlet_unref(destroyer);
}

/* ---- L17, L18: it does not end as it should ---- */

/* Swallows a cancellation and switches away. */
static void *refuse_to_end(void *arg)
{
    unsigned *times = arg;

    while (yield_up(NULL, NULL) == -ECANCELED)
        ++*times;
    return NULL;
}

TEST(L17_one_that_will_not_end_is_reported)
{
    thrum_greenlet *greenlet = greenlet_of(refuse_to_end, NULL);
    struct told told;
    unsigned times = 0;

    told_begin(&told);
    thrum_greenlet_set_name(greenlet, "stubborn");
    pass(greenlet, &times);
    thrum_greenlet_unref(greenlet);
    assert_true(times > 0);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.code, THRUM_EIGNORED);
    assert_non_null(strstr(told.message, "stubborn"));
    assert_ptr_equal(pass(thrum_greenlet_current(), word(1)), word(1));
    told_end();
}

static void *fail_when_cancelled(void *arg)
{
    CHECK_INT(yield_up(NULL, NULL), -ECANCELED);
    return thrum_raise(-EIO, "while it was cancelled");
}

TEST(L18_another_error_meanwhile_goes_to_the_handler)
{
    thrum_greenlet *greenlet = greenlet_of(fail_when_cancelled, NULL);
    struct told told;

    told_begin(&told);
    pass(greenlet, NULL);
    thrum_greenlet_unref(greenlet);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.code, -EIO);
    assert_string_equal(told.message, "while it was cancelled");
    assert_null(thrum_error_pending());
    told_end();
}

static void *destroy_and_look(void *greenlet)
{
    thrum_greenlet_unref(greenlet);
    CHECK(thrum_error_pending() == NULL);
    CHECK(!thrum_cancelled());
    return NULL;
}

TEST(L18_the_destroyer_is_not_told)
{
    thrum_greenlet *greenlet = greenlet_of(fail_when_cancelled, NULL);
    thrum_greenlet *destroyer = greenlet_of(destroy_and_look, NULL);
    struct told told;

    told_begin(&told);
    pass(greenlet, NULL);
    assert_null(pass(destroyer, greenlet));
    assert_int_equal(thrum_greenlet_get_state(destroyer), THRUM_GREENLET_DONE);
    assert_int_equal(told.count, 1);
    thrum_greenlet_unref(destroyer);
    told_end();
}

/* ---- L19: another thread ---- */

static void *drop(void *greenlet)
{
    thrum_greenlet_unref(greenlet);
    return NULL;
}

TEST(L19_what_another_thread_drops_ends_at_the_next_call)
{
    thrum_greenlet *greenlet = greenlet_of(note_code, NULL);
    thrum_greenlet *other = greenlet_of(echo, NULL);
    int code = 1;

    pass(greenlet, &code);
    join_thread(spawn_thread(drop, greenlet));
    assert_int_equal(code, 1); /* not there, and not yet */
    pass(other, NULL);
    assert_int_equal(code, -ECANCELED);
    thrum_greenlet_unref(other);
}

TEST(L19_making_one_is_such_a_call)
{
    thrum_greenlet *greenlet = greenlet_of(note_code, NULL);
    int code = 1;

    pass(greenlet, &code);
    join_thread(spawn_thread(drop, greenlet));
    thrum_greenlet_unref(greenlet_of(echo, NULL));
    assert_int_equal(code, -ECANCELED);
}

TEST(L19_one_that_has_not_begun_goes_in_any_thread)
{
    thrum_greenlet *fresh = greenlet_of(echo, NULL);
    thrum_greenlet *dead = greenlet_of(echo, NULL);

    pass(dead, NULL);
    join_thread(spawn_thread(drop, fresh));
    join_thread(spawn_thread(drop, dead));
}

struct dropped {
    thrum_greenlet *greenlets[64];
    unsigned count;
    struct latch start;
};

static void *drop_all(void *arg)
{
    struct dropped *dropped = arg;

    latch_down(&dropped->start);
    latch_wait(&dropped->start);
    for (unsigned i = 0; i < dropped->count; i++)
        thrum_greenlet_unref(dropped->greenlets[i]);
    return NULL;
}

/* Two threads and the owner each drop one of three references. */
TEST(L19_the_last_of_several_threads_leaves_it_to_the_owner)
{
    unsigned rounds = test_scale(100);
    unsigned ended = 0;

    for (unsigned round = 0; round < rounds; round++) {
        struct dropped dropped = {.count = 64, .start = LATCH_INIT(3)};
        struct test_thread *threads[2];
        unsigned before = ended;

        for (unsigned i = 0; i < 64; i++) {
            dropped.greenlets[i] = greenlet_of(count_end, NULL);
            pass(dropped.greenlets[i], &ended);
            thrum_greenlet_ref(thrum_greenlet_ref(dropped.greenlets[i]));
        }
        for (int i = 0; i < 2; i++)
            threads[i] = spawn_thread(drop_all, &dropped);
        drop_all(&dropped);
        for (int i = 0; i < 2; i++)
            join_thread(threads[i]);
        thrum_greenlet_unref(greenlet_of(echo, NULL));
        assert_int_equal(ended - before, 64);
    }
}

/* A greenlet hands itself to another thread, which drops it while it ends. */
struct handing {
    _Atomic(thrum_greenlet *) handed;
    atomic_bool over;
};

static void *hand_over(void *arg)
{
    struct handing *handing = arg;

    atomic_store(&handing->handed, thrum_greenlet_current());
    return NULL;
}

static void *drop_handed(void *arg)
{
    struct handing *handing = arg;

    while (!atomic_load(&handing->over)) {
        thrum_greenlet *greenlet = atomic_exchange(&handing->handed, NULL);

        if (greenlet != NULL)
            thrum_greenlet_unref(greenlet);
        else
            sched_yield();
    }
    return NULL;
}

TEST(L19_one_that_ends_while_another_thread_drops_it)
{
    unsigned count = test_scale(2000);
    struct handing handing = {NULL, false};
    struct test_thread *thread = spawn_thread(drop_handed, &handing);

    for (unsigned i = 0; i < count; i++) {
        pass(greenlet_of(hand_over, NULL), &handing);
        WAIT_UNTIL(atomic_load(&handing.handed) == NULL);
    }
    atomic_store(&handing.over, true);
    join_thread(thread);
    thrum_greenlet_unref(greenlet_of(echo, NULL));
}

/* ---- L19: the end of a thread ---- */

struct ending {
    int codes[3];
    unsigned times;
    thrum_greenlet *kept; /* by somebody else */
    thrum_greenlet *stuck;
    thrum_greenlet *fresh;
};

static void *leave_suspended(void *arg)
{
    struct ending *ending = arg;
    thrum_greenlet *greenlet;

    for (int i = 0; i < 3; i++) {
        greenlet = greenlet_of(note_code, NULL);
        pass(greenlet, &ending->codes[i]);
        if (i == 0)
            ending->kept = greenlet;
        /* the others are lost, as those of a cycle are */
    }
    return NULL;
}

TEST(L19_a_thread_that_ends_ends_its_greenlets)
{
    struct ending ending = {.codes = {1, 1, 1}};
    struct told told;

    told_begin(&told);
    join_thread(spawn_thread(leave_suspended, &ending));
    for (int i = 0; i < 3; i++)
        assert_int_equal(ending.codes[i], -ECANCELED);
    assert_int_equal(thrum_greenlet_get_state(ending.kept),
                     THRUM_GREENLET_CANCELLED);
    assert_int_equal(told.count, 0);
    thrum_greenlet_unref(ending.kept);
    told_end();
}

static void *leave_stuck(void *arg)
{
    struct ending *ending = arg;

    ending->stuck = greenlet_of(refuse_to_end, NULL);
    thrum_greenlet_set_name(ending->stuck, "endless");
    pass(ending->stuck, &ending->times);
    return NULL;
}

TEST(L19_what_will_not_end_with_its_thread_is_reported_and_kept)
{
    struct ending ending = {.times = 0};
    struct told told;

    told_begin(&told);
    join_thread(spawn_thread(leave_stuck, &ending));
    assert_true(ending.times > 0);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.code, THRUM_EIGNORED);
    assert_non_null(strstr(told.message, "endless"));
    thrum_greenlet_unref(ending.stuck);
    assert_int_equal(told.count, 1); /* once */
    told_end();
}

/* Each that is cancelled makes another. */
static void *multiply(void *arg)
{
    unsigned *born = arg;
    thrum_greenlet *next;

    ++*born;
    yield_up(NULL, NULL);
    next = greenlet_of(multiply, thrum_greenlet_current());
    pass(next, born);
    return NULL;
}

static void *leave_multiplying(void *born)
{
    pass(greenlet_of(multiply, NULL), born);
    return NULL;
}

TEST(L19_the_end_of_a_thread_is_bounded)
{
    struct told told;
    unsigned born = 0;

    told_begin(&told);
    join_thread(spawn_thread(leave_multiplying, &born));
    assert_true(born > 1);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.code, THRUM_EIGNORED);
    told_end();
}

static void *fail_at_thread_end(void *arg)
{
    thrum_greenlet *greenlet = greenlet_of(fail_when_cancelled, NULL);
    struct ending *ending = arg;

    pass(greenlet, NULL);
    if (ending == NULL)
        return NULL;
    ending->kept = greenlet;
    return NULL;
}

TEST(L18_an_error_at_the_threads_end_is_there_to_be_asked_for)
{
    struct ending ending = {.kept = NULL};

    join_thread(spawn_thread(fail_at_thread_end, &ending));
    assert_int_equal(thrum_greenlet_get_state(ending.kept),
                     THRUM_GREENLET_FAILED);
    assert_int_equal(thrum_greenlet_error(ending.kept)->code, -EIO);
    thrum_greenlet_unref(ending.kept);
}

/* ---- L20: a value in flight ---- */

struct flight {
    thrum_greenlet *sender;
    thrum_greenlet *bystander;
    int code;
};

/* Lets itself go, passes a value up, and is destroyed when that arrives; it
 * switches about meanwhile. */
static void *pass_up_and_go(void *arg)
{
    struct flight *flight = arg;

    thrum_greenlet_unref(thrum_greenlet_current());
    flight->code = yield_up(word(1234), NULL);
    CHECK(pass(flight->bystander, word(1)) == word(1));
    return NULL;
}

/* Gives back to the sender what it gets from him. */
static void *answer_sender(void *arg)
{
    struct flight *flight = arg;
    void *value = NULL;
    int rc = yield_up(NULL, &value);

    while (rc == 0)
        rc = thrum_greenlet_switch(flight->sender, value, &value);
    return NULL;
}

TEST(L20_a_value_in_flight_outlives_its_sender)
{
    struct flight flight = {greenlet_of(pass_up_and_go, NULL),
                            greenlet_of(answer_sender, NULL), 0};

    pass(flight.bystander, &flight);
    assert_ptr_equal(pass(flight.sender, &flight), word(1234));
    assert_int_equal(flight.code, -ECANCELED);
    thrum_greenlet_unref(flight.bystander);
}

static void *throw_up_and_go(void *arg)
{
    thrum_greenlet *self = thrum_greenlet_current();

    thrum_greenlet_unref(self);
    CHECK_INT(thrum_greenlet_throw(thrum_greenlet_parent(self), -EIO, NULL),
              -ECANCELED);
    return NULL;
}

TEST(L20_an_error_in_flight_outlives_its_sender)
{
    thrum_greenlet *sender = greenlet_of(throw_up_and_go, NULL);

    assert_int_equal(thrum_greenlet_switch(sender, NULL, NULL), -EIO);
}

/* ---- L21: cycles ---- */

/* Holds itself, so that nobody else need. */
static void *hold_self(void *code)
{
    thrum_greenlet *self = thrum_greenlet_ref(thrum_greenlet_current());
    int rc = yield_up(NULL, NULL);

    *(int *)code = rc;
    thrum_greenlet_unref(self);
    return NULL;
}

static bool dump_names(const char *name)
{
    char text[16384];
    int file = memfd_create("dump", 0);
    ssize_t n;

    if (!CHECK(file >= 0))
        return false;
    CHECK(thrum_dump(file, NULL) > 0);
    n = pread(file, text, sizeof(text) - 1, 0);
    close(file);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, name) != NULL;
}

struct cycle {
    int code;
    bool named;
};

static void *leave_cycle(void *arg)
{
    struct cycle *cycle = arg;
    thrum_greenlet *greenlet = greenlet_of(hold_self, NULL);

    thrum_greenlet_set_name(greenlet, "ouroboros");
    pass(greenlet, &cycle->code);
    thrum_greenlet_unref(greenlet);
    CHECK_INT(cycle->code, 1); /* it leaks */
    cycle->named = dump_names("ouroboros");
    return NULL;
}

TEST(L21_a_cycle_through_a_suspended_stack_leaks_until_the_thread_ends)
{
    struct cycle cycle = {1, false};

    join_thread(spawn_thread(leave_cycle, &cycle));
    assert_true(cycle.named);
    assert_int_equal(cycle.code, -ECANCELED);
}

/* ---- L22: the end of the process ---- */

static int *shared_count;

static void count_defer(void *arg)
{
    ++*shared_count;
}

static void *wait_for_exit(void *arg)
{
    CHECK_INT(thrum_defer(count_defer, NULL), 0);
    yield_up(NULL, NULL);
    ++*shared_count;
    return NULL;
}

static void *exit_from_greenlet(void *arg)
{
    exit(7);
}

static int exit_with_greenlets(void *arg)
{
    for (int i = 0; i < 3; i++)
        pass(greenlet_of(wait_for_exit, NULL), NULL);
    if (arg != NULL)
        pass(greenlet_of(exit_from_greenlet, NULL), NULL);
    exit(7);
}

static void check_exit(void *arg)
{
    shared_count = mmap(NULL, sizeof(*shared_count), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared_count != MAP_FAILED);
    assert_int_equal(in_child(exit_with_greenlets, arg), 7);
    assert_int_equal(*shared_count, 0);
    munmap(shared_count, sizeof(*shared_count));
}

TEST(L22_the_end_of_the_process_drops_them_in_place)
{
    check_exit(NULL);
}

TEST(L22_a_greenlet_may_end_the_process)
{
    int here;

    check_exit(&here);
}

TEST_MAIN("greenlet-destroy")
