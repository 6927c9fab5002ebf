/* SPDX-License-Identifier: MIT */
/*
 * test/api/dump_waits_test.c - a dump tells what each greenlet waits for; so
 * does the log of a deadlock.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thrum.h>

#include "thrum_test.h"

/* ---- reading ---- */

static char text[64 * 1024];

static void dump(void)
{
    int fd = memfd_create("dump", MFD_CLOEXEC);
    ssize_t n;

    assert_true(thrum_dump(fd, NULL) >= 0);
    n = pread(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
}

static void told(const char *format, ...) THRUM_PRINTF(1, 2);

static void told(const char *format, ...)
{
    char what[256];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    if (!CHECK(strstr(text, what) != NULL))
        fprintf(stderr, "# no \"%s\" in:\n%s", what, text);
}

/* ---- waiting ---- */

static thrum_future *spawn(thrum_fn *fn, void *arg, const char *name)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *future = NULL;

    options.name = name;
    assert_int_equal(thrum_spawn_with(fn, arg, 0, &options, &future), 0);
    return future;
}

/* Kills it and forgets it. */
static void end(thrum_future *future)
{
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
}

static void *waits_for_future(void *future)
{
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), -ECANCELED);
    return NULL;
}

static void *waits_for_event(void *event)
{
    CHECK_INT(thrum_event_wait(event, thrum_in_s(1000)), -ECANCELED);
    return NULL;
}

static void *waits_for_lock(void *lock)
{
    CHECK_INT(thrum_lock_acquire(lock, THRUM_FOREVER), -ECANCELED);
    return NULL;
}

static void *waits_for_item(void *queue)
{
    CHECK_INT(thrum_queue_get(queue, THRUM_FOREVER, NULL), -ECANCELED);
    return NULL;
}

static void *reads(void *end)
{
    char byte;

    CHECK_INT(thrum_read(*(int *)end, &byte, 1, thrum_in_s(1000)), -ECANCELED);
    return NULL;
}

static void *sleeps(void *arg)
{
    (void)arg;
    CHECK_INT(thrum_sleep(thrum_in_s(1000)), -ECANCELED);
    return NULL;
}

TEST(each_wait_is_told_with_its_object)
{
    thrum_event event;
    thrum_lock lock;
    thrum_queue *queue;
    thrum_promise *promise;
    thrum_future *wanted;
    thrum_future *greenlets[5];

    thrum_event_init(&event);
    thrum_lock_init(&lock);
    assert_int_equal(thrum_queue_new(NULL, &queue), 0);
    assert_int_equal(thrum_promise_new(&promise, &wanted), 0);
    assert_int_equal(thrum_lock_acquire(&lock, THRUM_NOW), 0);
    greenlets[0] = spawn(waits_for_future, wanted, "of future");
    greenlets[1] = spawn(waits_for_event, &event, "of event");
    greenlets[2] = spawn(waits_for_lock, &lock, "of lock");
    greenlets[3] = spawn(waits_for_item, queue, "of queue");
    greenlets[4] = spawn(sleeps, NULL, "of time");
    assert_int_equal(thrum_pass(), 0);
    dump();
    told("): future %p\n", (void *)wanted);
    told("): event %p, 999", (void *)&event);
    told("): lock %p\n", (void *)&lock);
    told("): item in queue %p\n", (void *)queue);
    told("1 greenlet, waiting for its time:\n    of time(0x");
    told("): its time, 999");
    for (unsigned i = 0; i < 5; i++)
        end(greenlets[i]);
    thrum_promise_free(promise);
    thrum_future_unref(wanted);
    thrum_queue_free(queue);
    thrum_lock_release(&lock);
    thrum_lock_fini(&lock);
    thrum_event_fini(&event);
}

static void *waits_to_be_woken(void *event)
{
    CHECK_INT(thrum_event_wait(event, THRUM_FOREVER), 0);
    return NULL;
}

TEST(one_that_was_woken_is_about_to_go_on)
{
    thrum_event event;
    thrum_future *greenlet;

    thrum_event_init(&event);
    greenlet = spawn(waits_to_be_woken, &event, "woken");
    assert_int_equal(thrum_pass(), 0);
    thrum_event_set(&event);
    dump();
    told("1 greenlet, about to go on:\n    woken(0x");
    assert_int_equal(thrum_future_result(greenlet, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(greenlet);
    thrum_event_fini(&event);
}

TEST(a_descriptor_is_told_by_its_number)
{
    thrum_future *greenlet;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    greenlet = spawn(reads, &ends[0], "reads");
    assert_int_equal(thrum_pass(), 0);
    dump();
    told("1 greenlet, waiting for read of descriptor #:\n    reads(0x");
    told("): read of descriptor %d, 999", ends[0]);
    end(greenlet);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
    close(ends[0]);
    close(ends[1]);
}

TEST(hubs_are_told_too)
{
    thrum_future *greenlet = spawn(sleeps, NULL, "sleeps");
    char line[64];

    assert_int_equal(thrum_pass(), 0);
    dump();
    snprintf(line, sizeof(line), "\nhub of thread %d: 1 greenlets, ",
             (int)gettid());
    told("%s", line);
    end(greenlet);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
    dump();
    assert_null(strstr(text, "hub of thread"));
}

/* ---- from another thread ---- */

static void *dumps(void *arg)
{
    int fd = memfd_create("dump", MFD_CLOEXEC);
    ssize_t n;

    CHECK(thrum_dump(fd, NULL) >= 0);
    n = pread(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    thrum_event_set(arg);
    return NULL;
}

TEST(those_of_another_hub_are_told_too)
{
    thrum_event never;
    thrum_event dumped;
    thrum_future *greenlet;
    struct test_thread *thread;

    thrum_event_init(&never);
    thrum_event_init(&dumped);
    greenlet = spawn(waits_for_event, &never, "there");
    assert_int_equal(thrum_pass(), 0);
    thread = spawn_thread(dumps, &dumped);
    assert_int_equal(thrum_event_wait(&dumped, THRUM_FOREVER), 0);
    join_thread(thread);
    if (strstr(text, "in another thread") == NULL) /* no membarrier(2) */
        assert_true(strstr(text, "there(0x") != NULL);
    end(greenlet);
    thrum_event_fini(&dumped);
    thrum_event_fini(&never);
}

/* ---- deadlocks ---- */

static void collect(thrum_log_level level, const char *message, void *arg)
{
    size_t n = strlen(text);

    (void)level;
    (void)arg;
    snprintf(text + n, sizeof(text) - n, "%s\n", message);
}

/* In a child, for it has no other thread. */
static int deadlocks(void *arg)
{
    thrum_event event;
    thrum_lock lock;

    (void)arg;
    thrum_event_init(&event);
    thrum_lock_init(&lock);
    CHECK_INT(thrum_lock_acquire(&lock, THRUM_NOW), 0);
    (void)spawn(waits_for_lock, &lock, "one");
    (void)spawn(waits_for_lock, &lock, "other");
    text[0] = '\0';
    thrum_set_log(collect, NULL);
    CHECK_INT(thrum_event_wait(&event, THRUM_FOREVER), -EDEADLK);
    thrum_set_log(NULL, NULL);
    told("a deadlock: all 2 greenlets wait");
    told("  the program waits for event %p\n", (void *)&event);
    told("  greenlet one(0x");
    told(") waits for lock %p\n", (void *)&lock);
    told("  greenlet other(0x");
    return 0;
}

TEST(S5_a_deadlock_is_told_with_who_waits_for_what)
{
    TEST_SKIP_EMULATED(MORE_THREADS);
    assert_int_equal(in_child(deadlocks, NULL), 0);
}

static void *does_nothing(void *arg)
{
    return arg;
}

/* The kernel may count a thread for a moment after it was joined. */
static int deadlocks_after_threads(void *arg)
{
    thrum_event event;

    (void)arg;
    thrum_event_init(&event);
    CHECK_INT(thrum_hub_open(NULL), 0);
    for (int i = 0; i < 5; i++) {
        join_thread(spawn_thread(does_nothing, NULL));
        CHECK_INT(thrum_event_wait(&event, THRUM_FOREVER), -EDEADLK);
    }
    return 0;
}

TEST(S5_threads_that_have_ended_do_not_hide_a_deadlock)
{
    TEST_SKIP_EMULATED(MORE_THREADS);
    assert_int_equal(in_child(deadlocks_after_threads, NULL), 0);
}

TEST_MAIN("dump_waits")
