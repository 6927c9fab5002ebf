/* SPDX-License-Identifier: MIT */
/*
 * setting_test.c - O_NONBLOCK and timeouts, set after a hub has remembered that
 * a socket waits for ever.
 *
 * Whether a call waits is told by a greenlet that has something for it, and runs
 * when it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "cases.h"

#define TIMES   4 /* waits, after which all is remembered */
#define LATE_NS INT64_C(300000000)

/* ---- who has something ---- */

static void *write_soon(void *arg)
{
    CHECK_INT(write(*(int *)arg, "hello", 5), 5);
    return NULL;
}

static void *write_late(void *arg)
{
    CHECK_INT(thrum_sleep(thrum_in_ns(LATE_NS)), 0);
    return write_soon(arg);
}

static void *read_late(void *arg)
{
    static char room[65536];

    CHECK_INT(thrum_sleep(thrum_in_ns(LATE_NS)), 0);
    CHECK(read(*(int *)arg, room, sizeof(room)) > 0);
    return NULL;
}

/* ---- calls ---- */

static thrum_future *spawn(thrum_fn *fn, int *fd)
{
    thrum_future *greenlet;

    assert_int_equal(thrum_spawn(fn, fd, 0, &greenlet), 0);
    return greenlet;
}

static void end(thrum_future *greenlet)
{
    assert_int_equal(thrum_future_result(greenlet, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(greenlet);
}

static void assert_hello(int fd)
{
    char text[8];

    assert_int_equal(read(fd, text, sizeof(text)), 5);
    assert_memory_equal(text, "hello", 5);
}

static void assert_waits(struct ends *ends)
{
    thrum_future *writer = spawn(write_soon, &ends->there);

    assert_hello(ends->here);
    end(writer);
}

/* What the greenlet writes comes after the call has returned. */
static void assert_gives_up(struct ends *ends, thrum_fn *writes)
{
    thrum_future *writer = spawn(writes, &ends->there);
    char byte;

    assert_int_equal(read(ends->here, &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    end(writer);
    assert_hello(ends->here);
}

static void assert_is_full(int fd)
{
    static const char room[65536];

    while (send(fd, room, sizeof(room), MSG_DONTWAIT) > 0)
        ;
    assert_int_equal(errno, EAGAIN);
}

static struct ends begin(void)
{
    struct ends ends;

    assert_int_equal(thrum_monkey_patch_all(), 0);
    ends = ends_of_stream();
    for (int i = 0; i < TIMES; i++)
        assert_waits(&ends);
    return ends;
}

static void finish(struct ends *ends)
{
    ends_close(ends);
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

static void set_timeout(int fd, int option, int milliseconds)
{
    struct timeval span = {0, milliseconds * 1000};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, option, &span, sizeof(span)),
                     0);
}

/* ---- tests ---- */

TEST(P46_nonblock_by_fcntl_is_seen)
{
    struct ends ends = begin();

    assert_int_equal(fcntl(ends.here, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    assert_gives_up(&ends, write_soon);
    assert_int_equal(fcntl(ends.here, F_SETFL, O_RDWR), 0);
    assert_waits(&ends);
    finish(&ends);
}

TEST(P46_nonblock_by_ioctl_is_seen)
{
    struct ends ends = begin();

    assert_int_equal(ioctl(ends.here, FIONBIO, &(int){1}), 0);
    assert_gives_up(&ends, write_soon);
    assert_int_equal(ioctl(ends.here, FIONBIO, &(int){0}), 0);
    assert_waits(&ends);
    finish(&ends);
}

TEST(P46_nonblock_of_a_copy_is_seen)
{
    struct ends ends = begin();
    int copy = dup(ends.here);

    assert_waits(&ends);
    assert_int_equal(fcntl(copy, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    assert_gives_up(&ends, write_soon);
    assert_int_equal(close(copy), 0);
    finish(&ends);
}

static void *set_nonblock(void *arg)
{
    CHECK_INT(fcntl(*(int *)arg, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    return NULL;
}

TEST(P46_nonblock_by_another_thread_is_seen)
{
    struct ends ends = begin();

    join_thread(spawn_thread(set_nonblock, &ends.here));
    assert_gives_up(&ends, write_soon);
    finish(&ends);
}

TEST(P46_a_number_that_is_another_s_is_asked)
{
    struct ends ends = begin();
    struct ends other = ends_of_stream();

    assert_int_equal(fcntl(other.here, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    assert_waits(&ends);
    assert_int_equal(dup2(other.here, ends.here), ends.here);
    assert_int_equal(dup2(other.there, ends.there), ends.there);
    assert_gives_up(&ends, write_soon);
    ends_close(&other);
    finish(&ends);
}

TEST(P30_a_timeout_is_seen)
{
    struct ends ends = begin();

    set_timeout(ends.here, SO_RCVTIMEO, 1);
    assert_gives_up(&ends, write_late);
    set_timeout(ends.here, SO_RCVTIMEO, 0);
    assert_waits(&ends);
    finish(&ends);
}

TEST(P30_each_direction_has_its_timeout)
{
    struct ends ends = begin();
    thrum_future *reader;

    set_timeout(ends.here, SO_SNDTIMEO, 1);
    for (int i = 0; i < TIMES; i++)
        assert_waits(&ends);
    assert_is_full(ends.here);
    reader = spawn(read_late, &ends.there);
    assert_int_equal(write(ends.here, "hello", 5), -1);
    assert_int_equal(errno, EAGAIN);
    end(reader);
    finish(&ends);
}

/* Without libc: nobody tells. */
static void set_unseen(int fd, long flags)
{
    assert_int_equal(syscall(SYS_fcntl, (long)fd, (long)F_SETFL, flags), 0);
}

TEST(P46_a_change_that_nobody_tells_is_seen_after_a_second)
{
    struct ends ends = begin();
    char byte;

    set_unseen(ends.here, O_RDWR | O_NONBLOCK);
    assert_waits(&ends);
    assert_int_equal(read(ends.here, &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    finish(&ends);
}

TEST(P46_nothing_is_remembered_when_it_is_not_patched)
{
    struct ends ends = begin();
    thrum_future *writer;
    char byte;

    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
    for (int i = 0; i < TIMES; i++) {
        writer = spawn(write_soon, &ends.there);
        assert_int_equal(thrum_read(ends.here, &(char[8]){0}, 8, THRUM_AS_SET),
                         5);
        end(writer);
    }
    assert_int_equal(fcntl(ends.here, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    writer = spawn(write_soon, &ends.there);
    assert_int_equal(thrum_read(ends.here, &byte, 1, THRUM_AS_SET), -EAGAIN);
    end(writer);
    finish(&ends);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("setting", argc, argv);
}
