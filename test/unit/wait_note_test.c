/* SPDX-License-Identifier: MIT */
/*
 * test/unit/wait_note_test.c - what somebody waits for, in words; in a dump.
 */
#include "task/wait_note.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thrum/dump.h>
#include <thrum/greenlet.h>

#include "thrum_test.h"

#define MS 1000000

static const char *text_of(const char *what, const void *on, int64_t deadline)
{
    static char text[THRUMI_WAIT_TEXT];
    struct thrumi_wait_note note = {what, on, {deadline}, false};

    thrumi_wait_note_write(&note, 100 * MS, text, sizeof(text));
    return text;
}

/* ---- words ---- */

TEST(what_and_on_which)
{
    int thing;
    char expected[64];

    snprintf(expected, sizeof(expected), "future %p", (void *)&thing);
    assert_string_equal(text_of("future", &thing, INT64_MAX), expected);
    assert_string_equal(text_of("the rain", NULL, INT64_MAX), "the rain");
}

TEST(a_number_goes_where_the_mark_is)
{
    assert_string_equal(
        text_of("descriptor # for reading", (void *)7, INT64_MAX),
        "descriptor 7 for reading");
    assert_string_equal(text_of("# futures", (void *)0, INT64_MAX),
                        "0 futures");
}

TEST(a_deadline_is_told_by_what_is_left)
{
    assert_string_equal(text_of("rain", NULL, 350 * MS), "rain, 250 ms left");
    assert_string_equal(text_of("rain", NULL, 100 * MS), "rain, 0 ms left");
    assert_string_equal(text_of("rain", NULL, 20 * MS), "rain, 0 ms left");
    assert_string_equal(text_of("rain", NULL, INT64_MIN), "rain, 0 ms left");
}

TEST(a_text_that_is_too_long_is_cut_off)
{
    struct thrumi_wait_note note = {"future", NULL, {INT64_MAX - 1}, false};
    char text[THRUMI_WAIT_TEXT];

    for (size_t size = 1; size < sizeof(text); size++) {
        memset(text, 'x', sizeof(text));
        thrumi_wait_note_write(&note, 0, text, size);
        assert_true(strlen(text) < size);
        assert_int_equal(text[size], 'x');
    }
}

/* ---- in a wait, and in a dump ---- */

struct waits {
    const char *what;
    const void *on;
    thrum_time deadline;
    bool woken;
};

/* Stands as one that a hub has parked does. */
static void *waits(void *arg)
{
    const struct waits *wait = arg;
    struct thrumi_context *context = thrumi_context_running();
    struct thrumi_parking parking;

    thrumi_parking_init(&parking);
    thrumi_parking_for(&parking, wait->what, wait->on);
    parking.deadline = wait->deadline;
    if (wait->woken)
        atomic_store_explicit(&parking.word, THRUMI_PARKING_WOKEN,
                              memory_order_relaxed);
    context->waits_in = &parking;
    CHECK_INT(thrum_greenlet_switch(
                  thrum_greenlet_parent(thrum_greenlet_current()), NULL, NULL),
              0);
    context->waits_in = NULL;
    return NULL;
}

static thrum_greenlet *waiting(const char *name, struct waits *wait)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_greenlet *g = NULL;

    options.name = name;
    assert_int_equal(thrum_greenlet_new(waits, NULL, &options, &g), 0);
    assert_int_equal(thrum_greenlet_switch(g, wait, NULL), 0);
    return g;
}

static void end(thrum_greenlet *g)
{
    assert_int_equal(thrum_greenlet_switch(g, NULL, NULL), 0);
    thrum_greenlet_unref(g);
}

static char text[16 * 1024];

static void dump(void)
{
    int fd = memfd_create("dump", MFD_CLOEXEC);
    ssize_t n;

    assert_true(thrum_dump(fd, NULL) >= 0);
    n = pread(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
}

static void assert_told(const char *what)
{
    if (strstr(text, what) == NULL)
        fail_msg("no \"%s\" in:\n%s", what, text);
}

TEST(a_dump_tells_what_each_waits_for)
{
    struct waits read3 = {"descriptor # for reading", (void *)3, THRUM_FOREVER,
                          false};
    struct waits read4 = {"descriptor # for reading", (void *)4, THRUM_NOW,
                          false};
    struct waits nothing = {NULL, NULL, THRUM_FOREVER, false};
    struct waits woken = {"lock", &nothing, THRUM_FOREVER, true};
    thrum_greenlet *g[] = {waiting("three", &read3), waiting("four", &read4),
                           waiting("secret", &nothing),
                           waiting("woken", &woken)};

    dump();
    assert_told("2 greenlets, waiting for descriptor # for reading:\n");
    assert_told("): descriptor 3 for reading\n");
    assert_told("): descriptor 4 for reading, 0 ms left\n");
    assert_told("1 greenlet, waiting for something:\n    secret(0x");
    assert_told("1 greenlet, about to go on:\n    woken(0x");
    for (unsigned i = 0; i < 4; i++)
        end(g[i]);
}

TEST(nobody_waits_at_first_nor_at_last)
{
    struct thrumi_wait_note note = {"x", NULL, {0}, false};

    thrumi_wait_note_take(thrumi_context_running(), &note);
    assert_null(note.what);
    thrumi_wait_note_take(NULL, &note);
    assert_null(note.what);
}

TEST_MAIN("wait_note")
