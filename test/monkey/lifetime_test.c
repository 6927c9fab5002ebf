/* SPDX-License-Identifier: MIT */
/*
 * lifetime_test.c - what ends around greenlets that wait in patched calls: the
 * patching itself, their hub, their thread, their process. And how much of their
 * stack the calls take.
 */
#include "waits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect(bool well, const struct wait *wait)
{
    if (!CHECK(well))
        fprintf(stderr, "# it was %s: %ld, %s\n", wait->kind->name,
                wait->result, strerror(wait->error));
}

/* ---- patching ---- */

/* A condition is signalled by hooks alone (P20): those that wait for one are not
 * among these. */
TEST_GREEN(P30_waits_end_as_they_have_begun_when_it_is_unpatched)
{
    struct wait wait;

    EACH_WAIT(i)
    {
        if ((wait_kind(i)->is & WAIT_ENDLESS) != 0 ||
            strcmp(wait_kind(i)->name, "pthread_cond_wait") == 0)
            continue;
        wait_begin(&wait, wait_kind(i));
        CHECK_INT(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
        wait_let_go(&wait);
        wait_join(&wait);
        expect(wait.result >= 0, &wait);
        wait_end(&wait);
        CHECK_INT(thrum_monkey_patch_all(), 0);
    }
}

#define PAIRS  4
#define ROUNDS 300

static void *echo(void *arg)
{
    int fd = *(int *)arg;
    char bytes[16];
    ssize_t n;

    while ((n = read(fd, bytes, sizeof(bytes))) > 0)
        CHECK_INT(write(fd, bytes, (size_t)n), n);
    CHECK_INT(n, 0);
    CHECK_INT(close(fd), 0);
    return NULL;
}

static void *echo_greenlets(void *arg)
{
    int *fds = arg;
    thrum_future *futures[PAIRS];

    for (int i = 0; i < PAIRS; i++)
        futures[i] = case_spawn(echo, &fds[i]);
    CHECK_INT(thrum_join_all(futures, PAIRS, THRUM_FOREVER), 0);
    for (int i = 0; i < PAIRS; i++)
        thrum_future_unref(futures[i]);
    return NULL;
}

static atomic_bool echo_is_over;

/* A greenlet's call that is the original holds up the others, but not for ever:
 * this thread, whom it waits for, has no hub. */
static void *talk(void *arg)
{
    int fd = *(int *)arg;
    char bytes[5];

    while (!atomic_load(&echo_is_over)) {
        CHECK_INT(write(fd, "hello", 5), 5);
        CHECK_INT(recv(fd, bytes, 5, MSG_WAITALL), 5);
        CHECK(memcmp(bytes, "hello", 5) == 0);
    }
    CHECK_INT(close(fd), 0);
    return NULL;
}

TEST(P30_patching_to_and_fro_beside_traffic)
{
    struct test_thread *talkers[PAIRS];
    struct test_thread *server;
    int here[PAIRS];
    int there[PAIRS];

    atomic_store(&echo_is_over, false);
    for (int i = 0; i < PAIRS; i++) {
        struct ends ends = ends_of_stream();

        here[i] = ends.here;
        there[i] = ends.there;
    }
    server = spawn_thread(echo_greenlets, here);
    for (int i = 0; i < PAIRS; i++)
        talkers[i] = spawn_thread(talk, &there[i]);
    for (unsigned i = 0; i < test_scale(ROUNDS); i++) {
        CHECK_INT(thrum_monkey_patch_all(), 0);
        usleep(100);
        CHECK_INT(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
    }
    atomic_store(&echo_is_over, true);
    for (int i = 0; i < PAIRS; i++)
        join_thread(talkers[i]);
    join_thread(server);
}

/* ---- hubs and threads ---- */

struct ending {
    const struct wait_kind *kind;
    bool closes;
};

static void *end_in_the_midst(void *arg)
{
    const struct ending *ending = arg;
    static _Thread_local struct wait wait;

    wait_begin(&wait, ending->kind);
    if (ending->closes) {
        CHECK_INT(thrum_hub_close(THRUM_NOW), -ETIMEDOUT);
        expect(wait.over && wait.result == -1, &wait);
        wait_drop(&wait);
    }
    thrum_future_unref(wait.future);
    return NULL;
}

static void end_each(bool closes)
{
    EACH_WAIT(i)
    {
        struct ending ending = {wait_kind(i), closes};

        if (wait_kind(i)->is & WAIT_STUBBORN)
            continue;
        /* the pool's threads keep some of what was left behind for later use */
        for (int j = 0; j < (wait_kind(i)->is & WAIT_BY_THREAD ? 8 : 1); j++)
            join_thread(spawn_thread(end_in_the_midst, &ending));
    }
}

TEST(P30_a_hub_that_is_closed_ends_each_wait)
{
    assert_int_equal(thrum_monkey_patch_all(), 0);
    end_each(true);
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

static void *wait_to_the_end(void *arg)
{
    wait_call(arg);
    return NULL;
}

static void *leave_in_the_midst(void *arg)
{
    const struct ending *ending = arg;
    thrum_future *future;
    struct wait *wait = calloc(1, sizeof(*wait));

    wait_make(wait, ending->kind);
    future = case_spawn(wait_to_the_end, wait);
    for (int i = 0; i < 3; i++)
        (void)thrum_pass();
    CHECK(!thrum_future_done(future));
    thrum_future_unref(future);
    return wait;
}

TEST(P30_a_thread_that_ends_ends_each_wait)
{
    assert_int_equal(thrum_monkey_patch_all(), 0);
    EACH_WAIT(i)
    {
        struct ending ending = {wait_kind(i), false};
        struct wait *wait;

        if (wait_kind(i)->is & WAIT_STUBBORN)
            continue;
        wait = join_thread(spawn_thread(leave_in_the_midst, &ending));
        expect(wait->over && wait->result == -1, wait);
        wait_drop(wait);
        free(wait);
    }
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

/* ---- processes ---- */

static int use_child(void *arg)
{
    struct wait wait;

    (void)arg;
    wait_begin(&wait, wait_kind(0));
    wait_let_go(&wait);
    wait_join(&wait);
    expect(wait.result >= 0, &wait);
    wait_end(&wait);
    return 0;
}

static int leave_child(void *arg)
{
    (void)arg;
    return 0;
}

static void fork_in_each(int (*child)(void *arg))
{
    struct wait wait;

    EACH_WAIT(i)
    {
        if (strcmp(wait_kind(i)->name, "fwrite") == 0)
            continue; /* in_child() flushes all streams before it forks */
        wait_begin(&wait, wait_kind(i));
        CHECK_INT(in_child(child, NULL), 0);
        if (wait_kind(i)->is & WAIT_ENDLESS)
            CHECK_INT(thrum_future_kill(wait.future, THRUM_FOREVER), 0);
        wait_let_go(&wait);
        wait_join(&wait);
        expect(wait.result >= 0 || (wait_kind(i)->is & WAIT_ENDLESS) != 0,
               &wait);
        wait_end(&wait);
    }
}

static void fork_and_use(void)
{
    fork_in_each(use_child);
}

static void fork_and_leave(void)
{
    fork_in_each(leave_child);
}

TEST(P30_a_fork_in_the_midst_harms_nobody)
{
    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer has locks of its own in a child");
    case_run_in_greenlet(fork_and_leave);
    case_run_in_greenlet(fork_and_use);
}

/* ---- stacks ---- */

#define DEEPEST (16u * 1024)
#define PAINTED (48u * 1024)
#define PAINT   0xa5

/* What is below the caller's frame. Each byte by itself, as a call would use
 * what is being painted. */
static __attribute__((noinline)) void stack_paint(void)
{
    volatile unsigned char *below = __builtin_frame_address(0);

    for (size_t i = 512; i < PAINTED; i++)
        below[-(ptrdiff_t)i] = PAINT;
}

static __attribute__((noinline)) size_t stack_depth(void)
{
    volatile unsigned char *below = __builtin_frame_address(0);
    size_t i = PAINTED - 1;

    while (i > 512 && below[-(ptrdiff_t)i] == PAINT)
        i--;
    return i;
}

static size_t depth_of(const struct wait_kind *kind)
{
    struct wait wait;
    size_t depth = 0;

    wait_make(&wait, kind);
    THRUM_WITH_DEADLINE(limit, thrum_in_ms(2)) {
        stack_paint();
        wait_call(&wait);
        depth = stack_depth();
    }
    wait_drop(&wait);
    return depth;
}

TEST_GREEN(calls_fit_on_the_stacks_of_greenlets)
{
    size_t deepest = 0;

    if (TEST_ASAN || TEST_TSAN)
        return;
    EACH_WAIT(i)
    {
        size_t depth;

        if (wait_kind(i)->is & WAIT_STUBBORN)
            continue;
        depth = depth_of(wait_kind(i));
        if (depth > deepest)
            deepest = depth;
        if (!CHECK(depth < DEEPEST))
            fprintf(stderr, "# %s takes %zu bytes\n", wait_kind(i)->name,
                    depth);
    }
    fprintf(stderr, "# the deepest takes %zu bytes\n", deepest);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("lifetime", argc, argv);
}
