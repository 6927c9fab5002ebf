/* SPDX-License-Identifier: MIT */
/*
 * test/stress/close_test.c - descriptors are closed, and their numbers used
 * again, while greenlets of several threads read from them and poll them.
 *
 * Whoever waits is told of each close, or he waits for ever: when all is closed,
 * all come back.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "stress.h"

#define SLOTS   6
#define THREADS 3
#define READERS 8

/* The ends of pipes; -1: none now. */
static struct {
    atomic_int in[SLOTS];
    int out[SLOTS];
    atomic_bool over;
    atomic_uint closed; /* waits that were told */
    atomic_uint waits;
} scene;

static int64_t read_one(uint64_t *seed)
{
    int fd = atomic_load(&scene.in[stress_random(seed, SLOTS)]);

    return thrum_read(fd, &(char){0}, 1, THRUM_FOREVER);
}

static int64_t poll_many(uint64_t *seed)
{
    struct pollfd fds[2];

    for (int i = 0; i < 2; i++) {
        fds[i].fd = atomic_load(&scene.in[stress_random(seed, SLOTS)]);
        fds[i].events = POLLIN;
        fds[i].revents = 0;
        if (fds[i].fd < 0) /* passed over: nothing would end the wait */
            return -EBADF;
    }
    if (thrum_poll(fds, 2, THRUM_FOREVER) < 0)
        return -1;
    return (fds[0].revents | fds[1].revents) & POLLNVAL ? -EBADF : 0;
}

static void *reader(void *arg)
{
    uint64_t seed = *(uint64_t *)arg;

    while (!atomic_load(&scene.over)) {
        int64_t rc =
            stress_random(&seed, 4) == 0 ? poll_many(&seed) : read_one(&seed);

        atomic_fetch_add(&scene.waits, 1);
        if (rc == -EBADF)
            atomic_fetch_add(&scene.closed, 1);
        if (stress_random(&seed, 8) == 0 && thrum_pass() != 0)
            break;
    }
    return NULL;
}

static void *reader_thread(void *arg)
{
    thrum_future *futures[READERS];
    uint64_t seed = *(uint64_t *)arg;

    for (int i = 0; i < READERS; i++) {
        (void)stress_random(&seed, 2);
        CHECK_INT(thrum_spawn(reader, &seed, sizeof(seed), &futures[i]), 0);
    }
    CHECK_INT(thrum_join_all(futures, READERS, THRUM_FOREVER), 0);
    for (int i = 0; i < READERS; i++)
        thrum_future_unref(futures[i]);
    return NULL;
}

static void slot_open(int i)
{
    int fds[2];

    assert_int_equal(thrum_pipe(fds), 0);
    scene.out[i] = fds[1];
    atomic_store(&scene.in[i], fds[0]);
}

static void slot_close(int i)
{
    int in = atomic_exchange(&scene.in[i], -1);

    CHECK_INT(thrum_close(in), 0);
    CHECK_INT(thrum_close(scene.out[i]), 0);
}

TEST(S12_close_while_others_wait)
{
    uint64_t seeds[THREADS + 1];
    struct test_thread *threads[THREADS];
    thrum_time end = stress_end(1);

    if (TEST_TSAN)
        TEST_SKIP("a close while others use the number is a race to it");
    atomic_store(&scene.over, false);
    seeds[THREADS] = stress_seed();
    for (int i = 0; i < SLOTS; i++)
        slot_open(i);
    for (int i = 0; i < THREADS; i++) {
        (void)stress_random(&seeds[THREADS], 2);
        seeds[i] = seeds[THREADS];
        threads[i] = spawn_thread(reader_thread, &seeds[i]);
    }
    while (!stress_is_over(end)) {
        int i = (int)stress_random(&seeds[THREADS], SLOTS);

        switch (stress_random(&seeds[THREADS], 3)) {
        case 0:
            slot_close(i);
            slot_open(i);
            break;
        case 1:
            CHECK_INT(thrum_write(scene.out[i], "x", 1, THRUM_FOREVER), 1);
            break;
        default:
            CHECK_INT(thrum_pass(), 0);
            break;
        }
    }
    atomic_store(&scene.over, true);
    for (int i = 0; i < SLOTS; i++)
        slot_close(i);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    /* numbers are kept until this thread's hub has looked, too */
    assert_int_equal(thrum_sleep(thrum_in_ms(1)), 0);
    fprintf(stderr, "# %u waits, %u told of a close\n",
            atomic_load(&scene.waits), atomic_load(&scene.closed));
}

TEST_MAIN("close")
