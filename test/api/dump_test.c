/* SPDX-License-Identifier: MIT */
/*
 * test/api/dump_test.c - what thrum_dump() writes, and when.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thrum.h>
#include <thrum/dump.h>
#include <thrum/generator.h>
#include <thrum/greenlet.h>

#include "thrum_test.h"

#define MANY 8

/* ---- making ---- */

static thrum_greenlet *greenlet(thrum_fn *fn, const char *name)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_greenlet *g = NULL;

    options.name = name;
    CHECK_INT(thrum_greenlet_new(fn, NULL, &options, &g), 0);
    return g;
}

static thrum_generator *generator(thrum_fn *fn, void *arg, const char *name)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_generator *g = NULL;

    options.name = name;
    CHECK_INT(thrum_generator_new(fn, arg, 0, &options, &g), 0);
    return g;
}

static void *to_parent(void *value)
{
    void *word = NULL;
    int rc = thrum_greenlet_switch(
        thrum_greenlet_parent(thrum_greenlet_current()), value, &word);

    return rc == 0 ? word : NULL;
}

static void *parks(void *arg)
{
    return to_parent(arg);
}

static void *counts(void *arg)
{
    for (int n = 0; THRUM_YIELD(int, n) == 0;)
        n++;
    return NULL;
}

static void *yields_from(void *inner)
{
    CHECK(thrum_yield_from(inner, NULL) != THRUM_ECONTEXT);
    return NULL;
}

static thrum_greenlet *parked(const char *name)
{
    thrum_greenlet *g = greenlet(parks, name);

    CHECK_INT(thrum_greenlet_switch(g, NULL, NULL), 0);
    return g;
}

static void parked_many(thrum_greenlet **gs, unsigned n)
{
    char name[24];

    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "parked %u", i);
        gs[i] = parked(name);
    }
}

static void unref_many(thrum_greenlet **gs, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        thrum_greenlet_unref(gs[i]);
}

/* Not where the switch is that of ucontext. */
static bool stacks_can_be_walked(void)
{
    void *frames[4];
    thrum_greenlet *g = parked("walked");
    int n = thrum_greenlet_backtrace(g, frames, 4);

    thrum_greenlet_unref(g);
    return n > 0;
}

/* ---- reading ---- */

static char text[256 * 1024];
static int told;

/* What is written, in `text`; what was returned, in `told`. From any stack. */
static const char *dump_with(const thrum_dump_options *options)
{
    int fd = memfd_create("dump", MFD_CLOEXEC);
    ssize_t n;

    told = thrum_dump(fd, options);
    n = pread(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    return text;
}

static const char *dump(void)
{
    return dump_with(NULL);
}

static unsigned occurrences(const char *in, const char *what)
{
    unsigned n = 0;

    while ((in = strstr(in, what)) != NULL) {
        in += strlen(what);
        n++;
    }
    return n;
}

/* The part of the text that is about the group with this head. */
static const char *group(const char *head)
{
    static char part[16 * 1024];
    const char *begin = strstr(text, head);
    const char *end;
    size_t n;

    if (begin == NULL)
        return "";
    end = strstr(begin, "\n\n");
    n = end == NULL ? strlen(begin) : (size_t)(end - begin) + 1;
    n = n < sizeof(part) ? n : sizeof(part) - 1;
    memcpy(part, begin, n);
    part[n] = '\0';
    return part;
}

/* The group has this head and says all of these, up to NULL. */
static bool says(const char *head, ...)
{
    const char *part = group(head);
    const char *word;
    bool all = *part != '\0';
    va_list args;

    va_start(args, head);
    while (all && (word = va_arg(args, const char *)) != NULL)
        all = strstr(part, word) != NULL;
    va_end(args);
    if (!all)
        fprintf(stderr, "# no \"%s\" as it should be in:\n%s", head, text);
    return all;
}

/* ---- what is told ---- */

TEST(nothing_to_tell)
{
    dump();
    assert_int_equal(told, 0);
    assert_string_equal(text, "thrum: 0 greenlets and generators\n");
}

TEST(all_are_told_with_names_and_states)
{
    thrum_generator *fresh = generator(counts, NULL, "fresh");
    thrum_generator *inner = generator(counts, NULL, "inner");
    thrum_generator *middle = generator(yields_from, inner, "middle");
    thrum_generator *outer = generator(yields_from, middle, "outer");
    thrum_greenlet *g = parked("parked");
    thrum_greenlet *nameless = parked(NULL);
    thrum_greenlet *fresh_greenlet = greenlet(parks, "not yet");

    assert_int_equal(thrum_generator_next(outer, NULL), 0);
    dump();
    assert_int_equal(told, 7);
    assert_non_null(strstr(text, "thrum: 7 greenlets and generators\n"));
    assert_true(
        says("1 generator, not begun:", " fresh(0x", "will call dump", NULL));
    assert_true(
        says("1 greenlet, not begun:", " not yet(0x", "will call dump", NULL));
    assert_true(says("1 generator, suspended at a yield:", " inner(0x", NULL));
    assert_true(says("2 generators, yields from another:", " middle(0x",
                     " outer(0x", NULL));
    assert_true(says("2 greenlets, suspended at a switch:", " parked(0x",
                     " (0x", NULL));
    thrum_greenlet_unref(fresh_greenlet);
    thrum_greenlet_unref(nameless);
    thrum_greenlet_unref(g);
    thrum_generator_unref(outer);
    thrum_generator_unref(middle);
    thrum_generator_unref(inner);
    thrum_generator_unref(fresh);
}

TEST(backtraces_go_from_the_switch_to_the_beginning)
{
    thrum_greenlet *g;
    const char *part;

    if (!stacks_can_be_walked())
        TEST_SKIP("stacks cannot be walked here");
    g = parked("parked");
    dump();
    part = group("1 greenlet, suspended at a switch:");
    assert_non_null(strstr(part, "    #0 "));
    /* the test's own functions are not exported */
    assert_non_null(strstr(part, " dump_test+0x"));
    assert_true(strstr(part, "#0 ") < strstr(part, " dump_test+0x"));
    assert_null(strstr(part, "thrum_dump"));
    thrum_greenlet_unref(g);
}

TEST(equal_ones_are_told_once_the_most_frequent_first)
{
    thrum_generator *rare = generator(counts, NULL, "rare");
    thrum_greenlet *gs[MANY];

    assert_int_equal(thrum_generator_next(rare, NULL), 0);
    parked_many(gs, MANY);
    dump();
    assert_int_equal(told, MANY + 1);
    assert_true(says("8 greenlets, suspended at a switch:", " parked 0(0x",
                     " parked 7(0x", NULL));
    assert_true(says("1 generator, suspended", " rare(0x", NULL));
    assert_in_range(occurrences(text, "    #0 "), 0, 2);
    assert_true(strstr(text, "8 greenlets") < strstr(text, "1 generator,"));
    unref_many(gs, MANY);
    thrum_generator_unref(rare);
}

static void *dumps(void *arg)
{
    dump();
    return to_parent(arg);
}

TEST(the_running_one_has_no_backtrace)
{
    thrum_greenlet *g = greenlet(dumps, "dumper");

    assert_int_equal(thrum_greenlet_switch(g, NULL, NULL), 0);
    assert_int_equal(told, 1);
    assert_true(says("1 greenlet, running:", " dumper(0x", NULL));
    assert_int_equal(occurrences(text, "#0"), 0);
    thrum_greenlet_unref(g);
}

static void *dumping_generator(void *arg)
{
    dump();
    CHECK_INT(thrum_yield(NULL, NULL), -ECANCELED);
    return NULL;
}

static void *pulls(void *inner)
{
    CHECK_INT(thrum_generator_next(inner, NULL), 0);
    CHECK_INT(thrum_yield(NULL, NULL), -ECANCELED);
    return NULL;
}

static void *pulls_in_greenlet(void *outer)
{
    CHECK_INT(thrum_generator_next(outer, NULL), 0);
    return NULL;
}

TEST(those_that_pull_wait_for_another)
{
    thrum_generator *inner = generator(dumping_generator, NULL, "inner");
    thrum_generator *outer = generator(pulls, inner, "outer");
    thrum_greenlet *g = greenlet(pulls_in_greenlet, "puller");

    assert_int_equal(thrum_greenlet_switch(g, outer, NULL), 0);
    assert_int_equal(told, 3);
    assert_true(says("1 generator, running:", " inner(0x", NULL));
    assert_true(says("1 generator, waits for another:", " outer(0x", NULL));
    assert_true(says("1 greenlet, waits for another:", " puller(0x", NULL));
    thrum_greenlet_unref(g);
    thrum_generator_unref(outer);
    thrum_generator_unref(inner);
}

TEST(those_that_have_ended_are_not_told)
{
    thrum_greenlet *g = parked("ended");
    thrum_generator *closed = generator(counts, NULL, "closed");

    assert_int_equal(thrum_greenlet_switch(g, NULL, NULL), 0);
    assert_int_equal(thrum_generator_close(closed, NULL), 0);
    dump();
    assert_int_equal(told, 0);
    thrum_greenlet_unref(g);
    thrum_generator_unref(closed);
}

/* ---- options ---- */

TEST(groups_are_limited)
{
    thrum_dump_options options = THRUM_DUMP_OPTIONS;
    thrum_generator *one = generator(counts, NULL, "one");
    thrum_generator *two = generator(counts, NULL, "two");
    thrum_greenlet *gs[3];

    assert_int_equal(thrum_generator_next(one, NULL), 0);
    parked_many(gs, 3);
    options.groups = 1;
    dump_with(&options);
    assert_int_equal(told, 5);
    assert_true(says("3 greenlets, ", NULL));
    assert_int_equal(occurrences(text, " generator,"), 0);
    assert_non_null(strstr(text, "\nand 2 other backtraces\n"));
    unref_many(gs, 3);
    thrum_generator_unref(one);
    thrum_generator_unref(two);
}

TEST(names_are_limited)
{
    thrum_dump_options options = THRUM_DUMP_OPTIONS;
    thrum_greenlet *gs[MANY];

    parked_many(gs, MANY);
    options.names = 3;
    dump_with(&options);
    assert_int_equal(told, MANY);
    assert_int_equal(occurrences(text, " parked "), 3);
    assert_true(says("8 greenlets, ", " and 5 more\n", NULL));
    options.names = INT_MAX;
    dump_with(&options);
    assert_int_equal(occurrences(text, " parked "), MANY);
    unref_many(gs, MANY);
}

TEST(frames_are_limited)
{
    thrum_dump_options options = THRUM_DUMP_OPTIONS;
    thrum_greenlet *g;

    if (!stacks_can_be_walked())
        TEST_SKIP("stacks cannot be walked here");
    g = parked("parked");
    options.frames = 2;
    dump_with(&options);
    assert_int_equal(occurrences(text, "    #"), 2);
    assert_non_null(strstr(text, "    #1 "));
    options.frames = INT_MAX;
    dump_with(&options);
    assert_in_range(occurrences(text, "    #"), 3, 64);
    thrum_greenlet_unref(g);
}

TEST(bad_options_are_refused)
{
    thrum_dump_options options = THRUM_DUMP_OPTIONS;

    options.size = sizeof(options) - 1;
    dump_with(&options);
    assert_int_equal(told, -EINVAL);
    options = (thrum_dump_options)THRUM_DUMP_OPTIONS;
    options.groups = -1;
    dump_with(&options);
    assert_int_equal(told, -EINVAL);
    options = (thrum_dump_options)THRUM_DUMP_OPTIONS;
    options.names = -1;
    dump_with(&options);
    assert_int_equal(told, -EINVAL);
    options = (thrum_dump_options)THRUM_DUMP_OPTIONS;
    options.frames = -1;
    dump_with(&options);
    assert_int_equal(told, -EINVAL);
    assert_string_equal(text, "");
}

/* ---- what can go wrong ---- */

TEST(a_bad_descriptor_is_told)
{
    thrum_greenlet *g = parked("parked");

    assert_int_equal(thrum_dump(-1, NULL), -EBADF);
    assert_int_equal(thrum_greenlet_switch(g, NULL, NULL), 0); /* not frozen */
    thrum_greenlet_unref(g);
}

TEST(without_memory_nothing_is_written)
{
    thrum_generator *one = generator(counts, NULL, "one");
    thrum_greenlet *g = parked("parked");

    FOR_EACH_FAILURE(n)
    {
        dump();
        if (faulty_alloc_fired()) {
            assert_int_equal(told, -ENOMEM);
            assert_string_equal(text, "");
        }
    }
    assert_int_equal(told, 2);
    thrum_greenlet_unref(g);
    thrum_generator_unref(one);
}

static void *drains(void *arg)
{
    static char part[512];
    int fd = *(int *)arg;
    ssize_t n;
    ssize_t all = 0;

    while ((n = read(fd, part, sizeof(part))) > 0)
        all += n;
    CHECK(all > 0);
    return NULL;
}

/* It does not block, and holds less than there is to be told. */
TEST(a_full_pipe_is_waited_for)
{
    thrum_greenlet *gs[MANY];
    struct test_thread *reader;
    thrum_dump_options options = THRUM_DUMP_OPTIONS;
    int ends[2];

    parked_many(gs, MANY);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 0);
    reader = spawn_thread(drains, &ends[0]);
    for (int i = 0; i < 20; i++)
        assert_int_equal(thrum_dump(ends[1], &options), MANY);
    close(ends[1]);
    join_thread(reader);
    close(ends[0]);
    unref_many(gs, MANY);
}

/* ---- threads ---- */

struct other {
    atomic_bool stop;
    struct latch ready;
    struct gate gate;
};

static void *waits_at_gate(void *gate)
{
    gate_wait(gate);
    return NULL;
}

/* Has one parked, and blocks in another. */
static void *blocks(void *arg)
{
    struct other *other = arg;
    thrum_greenlet *stands = parked("stands there");
    thrum_greenlet *g = greenlet(waits_at_gate, "blocks there");

    latch_down(&other->ready);
    CHECK_INT(thrum_greenlet_switch(g, &other->gate, NULL), 0);
    thrum_greenlet_unref(g);
    thrum_greenlet_unref(stands);
    return NULL;
}

TEST(other_threads_are_told_too)
{
    struct other other = {.ready = LATCH_INIT(1), .gate = GATE_INIT};
    bool walkable = stacks_can_be_walked();
    struct test_thread *thread = spawn_thread(blocks, &other);
    thrum_greenlet *g = parked("stands here");

    latch_wait(&other.ready);
    thread_await_sleep(thread);
    dump();
    assert_int_equal(told, 3);
    assert_true(says("2 greenlets, suspended at a switch:", " stands there(0x",
                     " stands here(0x", NULL));
    assert_int_equal(occurrences(text, "    #0 "), walkable);
    assert_true(says("1 greenlet, running:", " blocks there(0x", NULL));
    assert_null(strstr(group("1 greenlet, running:"), "#0"));
    gate_open(&other.gate);
    join_thread(thread);
    thrum_greenlet_unref(g);
}

/* Switches, pulls, makes and ends without a pause. */
static void *churns(void *arg)
{
    struct other *other = arg;
    thrum_greenlet *stays = greenlet(parks, "stays");

    CHECK_INT(thrum_greenlet_switch(stays, NULL, NULL), 0);
    latch_down(&other->ready);
    while (!atomic_load_explicit(&other->stop, memory_order_relaxed)) {
        thrum_generator *inner = generator(counts, NULL, "inner");
        thrum_generator *outer = generator(yields_from, inner, "outer");
        thrum_generator *unused = generator(counts, NULL, "unused");
        thrum_greenlet *g = parked("comes and goes");

        for (int i = 0; i < 50; i++)
            CHECK_INT(thrum_generator_next(outer, NULL), 0);
        CHECK_INT(thrum_generator_throw(unused, -EIO, NULL), THRUM_EFAILED);
        CHECK_INT(thrum_greenlet_switch(g, NULL, NULL), 0);
        thrum_greenlet_unref(g);
        thrum_generator_unref(unused);
        thrum_generator_unref(outer);
        thrum_generator_unref(inner);
    }
    thrum_greenlet_unref(stays);
    return NULL;
}

TEST(dumps_while_others_switch)
{
    struct other other = {.ready = LATCH_INIT(2), .gate = GATE_INIT};
    struct test_thread *threads[2];
    unsigned rounds = test_scale(2000);

    for (int i = 0; i < 2; i++)
        threads[i] = spawn_thread(churns, &other);
    latch_wait(&other.ready);
    for (unsigned i = 0; i < rounds; i++) {
        dump();
        assert_in_range(told, 2, 10);
        assert_int_equal(occurrences(text, " stays(0x"), 2);
    }
    atomic_store_explicit(&other.stop, true, memory_order_relaxed);
    for (int i = 0; i < 2; i++)
        join_thread(threads[i]);
    dump();
    assert_int_equal(told, 0);
}

static void *dumps_and_churns(void *arg)
{
    struct other *other = arg;
    thrum_generator *g = generator(counts, NULL, "own");
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    latch_down(&other->ready);
    latch_wait(&other->ready);
    for (unsigned i = test_scale(500); i > 0; i--) {
        CHECK_INT(thrum_generator_next(g, NULL), 0);
        CHECK(thrum_dump(fd, NULL) >= 1);
    }
    close(fd);
    thrum_generator_unref(g);
    return NULL;
}

TEST(several_may_dump_at_once)
{
    struct other other = {.ready = LATCH_INIT(3), .gate = GATE_INIT};
    struct test_thread *threads[3];

    for (int i = 0; i < 3; i++)
        threads[i] = spawn_thread(dumps_and_churns, &other);
    for (int i = 0; i < 3; i++)
        join_thread(threads[i]);
}

TEST_MAIN("dump")
