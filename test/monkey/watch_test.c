/* SPDX-License-Identifier: MIT */
/*
 * watch_test.c - what blocks all the same is found and told of.
 *
 * Standard error is a pipe meanwhile. Whoever blocks is let go on when what is
 * awaited has been read from that. A place is told of once in the life of a
 * process, so each test runs in a child.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"

struct watched {
    int told[2];    /* what is written to standard error */
    int release[2]; /* a byte lets the greenlet go on */
    int before;     /* what standard error was */
    const char *awaited;
    struct test_thread *reader;
    char text[16384];
};

/* Reads until the line with what is awaited is there. */
static void *reads_what_is_told(void *arg)
{
    struct watched *watched = arg;
    const char *found = NULL;
    size_t n = 0;

    while (n + 1 < sizeof(watched->text) &&
           (found == NULL || strchr(found, '\n') == NULL)) {
        if (!CHECK(read(watched->told[0], watched->text + n, 1) == 1))
            break;
        n++;
        found = strstr(watched->text, watched->awaited);
    }
    CHECK_INT(write(watched->release[1], "x", 1), 1);
    return NULL;
}

static struct watched *watch_begin(const char *awaited)
{
    struct watched *watched = calloc(1, sizeof(*watched));

    if (!CHECK(watched != NULL))
        abort();
    watched->awaited = awaited;
    CHECK_INT(pipe2(watched->told, O_CLOEXEC), 0);
    CHECK_INT(pipe2(watched->release, O_CLOEXEC), 0);
    watched->before = dup(2);
    CHECK_INT(dup2(watched->told[1], 2), 2);
    watched->reader = spawn_thread(reads_what_is_told, watched);
    CHECK_INT(setenv("THRUM_MONKEY_WATCH", "1", 1), 0);
    CHECK_INT(thrum_monkey_patch_all(), 0);
    return watched;
}

static void watch_end(struct watched *watched)
{
    (void)join_thread(watched->reader);
    CHECK_INT(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
    CHECK_INT(thrum_monitor_stop_calls(), 0); /* it has written all */
    CHECK_INT(dup2(watched->before, 2), 2);
    close(watched->before);
    close(watched->told[0]);
    close(watched->told[1]);
    close(watched->release[0]);
    close(watched->release[1]);
    free(watched);
}

static thrum_future *begin(thrum_fn *fn, void *arg)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *future = NULL;

    options.name = "hog";
    options.stack_size = 256u * 1024;
    CHECK_INT(thrum_spawn_with(fn, arg, 0, &options, &future), 0);
    return future;
}

static void end(thrum_future *future)
{
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
}

static unsigned count_of(const char *text, const char *what)
{
    unsigned count = 0;

    while ((text = strstr(text, what)) != NULL) {
        text += strlen(what);
        count++;
    }
    return count;
}

/* ---- what blocks ---- */

#define SKIP_WHERE_NOT_SEEN()                                        \
 do {                                                                \
  if (TEST_TSAN)                                                     \
   TEST_SKIP("ThreadSanitizer makes no threads in forked children"); \
  TEST_SKIP_EMULATED(OTHER_CALLS);                                   \
 } while (0)

/* No hook is in the way of syscall(). */
static void *blocks(void *arg)
{
    const struct watched *watched = arg;
    char byte;

    CHECK_INT(syscall(SYS_read, watched->release[0], &byte, (size_t)1), 1);
    return NULL;
}

static int is_told_of(void *arg)
{
    struct watched *watched = watch_begin(" in the system call read, ");

    (void)arg;
    end(begin(blocks, watched));
    CHECK(strstr(watched->text, "greenlet 'hog' blocks thread ") != NULL);
    if (strstr(watched->text, "an unknown place") == NULL) /* refused */
        CHECK(strstr(watched->text, "monkey-watch.so") != NULL);
    watch_end(watched);
    return 0;
}

TEST(P6_what_blocks_is_told_of_with_its_place)
{
    SKIP_WHERE_NOT_SEEN();
    assert_int_equal(in_child(is_told_of, NULL), 0);
}

/* It is asked by the signal, whose handler ends no such call. */
static int is_asked(void *arg)
{
    char number[16];

    (void)snprintf(number, sizeof(number), "%d", SIGRTMIN + 3);
    CHECK_INT(setenv("THRUM_MONITOR_SIGNAL", number, 1), 0);
    return is_told_of(arg);
}

TEST(P6_what_blocks_may_be_asked_where_it_is)
{
    SKIP_WHERE_NOT_SEEN();
    assert_int_equal(in_child(is_asked, NULL), 0);
}

/* ---- once ---- */

/* One place, however often a compiler writes down the loop that calls it. */
static __attribute__((noinline)) long sleeps(void)
{
    struct timespec ms = {0, 20 * 1000000};

    return syscall(SYS_nanosleep, &ms, NULL);
}

static void *blocks_again_and_again(void *arg)
{
    for (int i = 0; i < 10; i++)
        CHECK_INT(sleeps(), 0);
    return blocks(arg);
}

static int is_told_of_once(void *arg)
{
    struct watched *watched = watch_begin(" in the system call read, ");

    (void)arg;
    end(begin(blocks_again_and_again, watched));
    CHECK(count_of(watched->text, " in the system call nanosleep, ") <= 1);
    CHECK_INT(count_of(watched->text, " in the system call read, "), 1);
    watch_end(watched);
    return 0;
}

TEST(P6_a_place_is_told_of_once)
{
    SKIP_WHERE_NOT_SEEN();
    assert_int_equal(in_child(is_told_of_once, NULL), 0);
}

/* ---- what does not block ---- */

/* A wait of ours is none that holds the hub. */
static void *waits_as_it_should(void *arg)
{
    struct timespec ms = {0, 30 * 1000000};

    CHECK_INT(nanosleep(&ms, NULL), 0);
    return blocks(arg);
}

static int is_not_told_of(void *arg)
{
    struct watched *watched = watch_begin(" in the system call read, ");

    (void)arg;
    end(begin(waits_as_it_should, watched));
    CHECK_INT(count_of(watched->text, "nanosleep"), 0);
    CHECK_INT(count_of(watched->text, " in the system call epoll"), 0);
    CHECK_INT(count_of(watched->text, " in the system call io_uring"), 0);
    watch_end(watched);
    return 0;
}

TEST(P6_a_wait_that_others_go_on_in_is_not_told_of)
{
    SKIP_WHERE_NOT_SEEN();
    assert_int_equal(in_child(is_not_told_of, NULL), 0);
}

/* ---- forks ---- */

static void *waits_for_an_event(void *event)
{
    CHECK_INT(thrum_event_wait(event, THRUM_FOREVER), 0);
    return NULL;
}

static void *forks(void *arg)
{
    pid_t child;

    (void)arg;
    CHECK_INT(thrum_pass(), 0); /* the other one has begun */
    child = fork();
    if (child == 0)
        _exit(0);
    CHECK_INT(waitpid(child, NULL, 0), child);
    return NULL;
}

static int forks_with_others(void *arg)
{
    struct watched *watched = watch_begin("a fork with 1 live greenlets, ");
    thrum_event event;
    thrum_future *other;

    (void)arg;
    thrum_event_init(&event);
    other = begin(waits_for_an_event, &event);
    end(begin(forks, NULL));
    thrum_event_set(&event);
    end(other);
    watch_end(watched);
    return 0;
}

TEST(P6_a_fork_that_leaves_greenlets_behind_is_told_of)
{
    SKIP_WHERE_NOT_SEEN();
    assert_int_equal(in_child(forks_with_others, NULL), 0);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("watch", argc, argv);
}
