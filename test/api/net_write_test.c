/* SPDX-License-Identifier: MIT */
/*
 * net_write_test.c - every call that writes: room at once, room later, parts,
 * a deadline, a kill, nobody who reads, several that wait, a close meanwhile.
 */
#include <signal.h>
#include <stdlib.h>

#include <thrum.h>

#include "net.h"

static int64_t by_write(int fd, const char *from, size_t n, thrum_time deadline)
{
    return thrum_write(fd, from, n, deadline);
}

static int64_t by_writev(int fd, const char *from, size_t n,
                         thrum_time deadline)
{
    struct iovec vector[2] = {{(void *)(uintptr_t)from, 1},
                              {(void *)(uintptr_t)(from + 1), n - 1}};

    return thrum_writev(fd, vector, 2, deadline);
}

static int64_t by_send(int fd, const char *from, size_t n, thrum_time deadline)
{
    return thrum_send(fd, from, n, 0, deadline);
}

static int64_t by_sendto(int fd, const char *from, size_t n,
                         thrum_time deadline)
{
    return thrum_sendto(fd, from, n, 0, NULL, 0, deadline);
}

static int64_t by_sendmsg(int fd, const char *from, size_t n,
                          thrum_time deadline)
{
    struct iovec vector = {(void *)(uintptr_t)from, n};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

    return thrum_sendmsg(fd, &message, 0, deadline);
}

typedef int64_t write_fn(int fd, const char *from, size_t n,
                         thrum_time deadline);

static const struct way {
    const char *name;
    void (*open)(struct ends *ends);
    write_fn *write;
} ways[] = {
    {"write to a pipe", ends_pipe, by_write},
    {"write to a pair", ends_pair, by_write},
    {"write to TCP", ends_tcp, by_write},
    {"writev to a pipe", ends_pipe, by_writev},
    {"writev to a pair", ends_pair, by_writev},
    {"writev to TCP", ends_tcp, by_writev},
    {"send to a pair", ends_pair, by_send},
    {"send to TCP", ends_tcp, by_send},
    {"sendto to a pair", ends_pair, by_sendto},
    {"sendmsg to a pair", ends_pair, by_sendmsg},
    {"sendmsg to TCP", ends_tcp, by_sendmsg},
};

#define FOR_EACH_WAY(way)                                                      \
 for (const struct way *way = ways; way < ways + sizeof(ways) / sizeof(*ways); \
      way++)

static const char chunk[4096];

/* A greenlet's write, and what came of it. */
struct writer {
    const struct way *way;
    int fd;
    thrum_time deadline;
    int64_t result;
};

static void *writer_run(void *arg)
{
    struct writer *writer = arg;

    writer->result =
        writer->way->write(writer->fd, chunk, sizeof(chunk), writer->deadline);
    return NULL;
}

static struct writer writer_of(const struct way *way, const struct ends *ends)
{
    return (struct writer){
        .way = way, .fd = ends->out, .deadline = THRUM_FOREVER};
}

static void check_code(const struct writer *writer, int64_t code)
{
    if (!CHECK_INT(writer->result, code))
        fprintf(stderr, "# that was: %s\n", writer->way->name);
}

/* Writes until there is no room; how much that was. TCP makes some room by
 * itself, when the other side acknowledges what it has. */
static int64_t fill(const struct way *way, int fd)
{
    int64_t patience = way->open == ends_tcp ? 100 : 5;
    int64_t sum = 0;

    for (;;) {
        int64_t n = way->write(fd, chunk, sizeof(chunk), thrum_in_ms(patience));

        if (n < 0) {
            CHECK_INT(n, -ETIMEDOUT);
            return sum;
        }
        sum += n;
    }
}

/* Reads that much. */
static void drain(int fd, int64_t sum)
{
    char buffer[4096];

    while (sum > 0) {
        size_t most = sum < 4096 ? (size_t)sum : 4096;
        int64_t n = thrum_read(fd, buffer, most, THRUM_FOREVER);

        if (!CHECK(n > 0))
            return;
        sum -= n;
    }
}

TEST(where_there_is_room_it_writes_at_once)
{
    FOR_EACH_WAY(way)
    {
        struct ends ends;
        struct writer writer;

        way->open(&ends);
        writer = writer_of(way, &ends);
        writer.deadline = THRUM_NOW;
        writer_run(&writer);
        check_code(&writer, sizeof(chunk));
        drain(ends.in, sizeof(chunk));
        ends_close(&ends);
    }
}

TEST(who_finds_no_room_waits_and_goes_on_when_somebody_reads)
{
    FOR_EACH_WAY(way)
    {
        struct ends ends;
        struct writer writer;
        thrum_future *future;
        int64_t sum;

        way->open(&ends);
        sum = fill(way, ends.out);
        writer = writer_of(way, &ends);
        future = spawn(writer_run, &writer);
        settle_down();
        CHECK(!thrum_future_done(future));
        drain(ends.in, sum);
        join(future);
        CHECK(writer.result > 0);
        drain(ends.in, writer.result);
        ends_close(&ends);
    }
}

TEST(S7_a_kill_ends_a_write)
{
    FOR_EACH_WAY(way)
    {
        struct ends ends;
        struct writer writer;
        thrum_future *future;
        int64_t sum;

        way->open(&ends);
        sum = fill(way, ends.out);
        writer = writer_of(way, &ends);
        future = spawn(writer_run, &writer);
        settle_down();
        assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
        check_code(&writer, -ECANCELED);
        thrum_future_unref(future);
        drain(ends.in, sum);
        ends_close(&ends);
    }
}

TEST(a_write_that_nobody_can_read_says_so_and_raises_no_signal)
{
    void (*before)(int) = signal(SIGPIPE, SIG_DFL);

    FOR_EACH_WAY(way)
    {
        struct ends ends;
        struct writer writer;

        if (way->open == ends_tcp)
            continue; /* it is told later */
        way->open(&ends);
        assert_int_equal(thrum_close(ends.in), 0);
        ends.in = -1;
        writer = writer_of(way, &ends);
        writer_run(&writer);
        check_code(&writer, -EPIPE);
        ends_close(&ends);
    }
    signal(SIGPIPE, before);
}

TEST(who_waits_for_room_learns_that_nobody_reads_any_more)
{
    FOR_EACH_WAY(way)
    {
        struct ends ends;
        struct writer writer;
        thrum_future *future;

        way->open(&ends);
        (void)fill(way, ends.out);
        writer = writer_of(way, &ends);
        future = spawn(writer_run, &writer);
        settle_down();
        assert_int_equal(thrum_close(ends.in), 0);
        ends.in = -1;
        join(future);
        CHECK(writer.result == -EPIPE || writer.result == -ECONNRESET);
        ends_close(&ends);
    }
}

TEST(a_descriptor_that_is_none_is_told)
{
    FOR_EACH_WAY(way)
    {
        struct ends none = {-1, -1};
        struct writer writer = writer_of(way, &none);

        writer_run(&writer);
        check_code(&writer, -EBADF);
    }
}

TEST(S12_close_ends_the_writes)
{
    FOR_EACH_WAY(way)
    {
        struct writer writers[2];
        thrum_future *futures[2];
        struct ends ends;

        way->open(&ends);
        (void)fill(way, ends.out);
        for (int i = 0; i < 2; i++) {
            writers[i] = writer_of(way, &ends);
            futures[i] = spawn(writer_run, &writers[i]);
        }
        settle_down();
        assert_int_equal(thrum_close(ends.out), 0);
        ends.out = -1;
        for (int i = 0; i < 2; i++) {
            join(futures[i]);
            check_code(&writers[i], -EBADF);
        }
        ends_close(&ends);
    }
}

static void *writer_thread(void *arg)
{
    join(spawn(writer_run, arg));
    return NULL;
}

TEST(S12_close_ends_the_writes_of_another_thread)
{
    FOR_EACH_WAY(way)
    {
        struct writer writer;
        struct test_thread *thread;
        struct ends ends;

        way->open(&ends);
        (void)fill(way, ends.out);
        writer = writer_of(way, &ends);
        thread = spawn_thread(writer_thread, &writer);
        thread_await_sleep(thread);
        assert_int_equal(thrum_close(ends.out), 0);
        ends.out = -1;
        join_thread(thread);
        check_code(&writer, -EBADF);
        ends_close(&ends);
    }
}

/* ---- all of it ---- */

#define MUCH ((size_t)3 << 20)

static void *write_much(void *out)
{
    char *much = calloc(1, MUCH);

    for (size_t i = 0; i < MUCH; i++)
        much[i] = (char)(i * 31 >> 3);
    CHECK_INT(thrum_write_all(*(int *)out, much, MUCH, THRUM_FOREVER), 0);
    CHECK_INT(thrum_close(*(int *)out), 0);
    free(much);
    return NULL;
}

static void read_much(int in)
{
    static char buffer[10007];
    size_t at = 0;
    int64_t n;

    while ((n = thrum_read(in, buffer, sizeof(buffer), THRUM_FOREVER)) > 0)
        for (int64_t i = 0; i < n; i++, at++)
            if (!CHECK(buffer[i] == (char)(at * 31 >> 3)))
                return;
    CHECK_INT(n, 0);
    CHECK_INT(at, MUCH);
}

TEST(write_all_writes_in_parts_what_does_not_fit)
{
    void (*open[])(struct ends *) = {ends_pipe, ends_pair, ends_tcp};

    for (int i = 0; i < 3; i++) {
        struct ends ends;
        thrum_future *future;

        open[i](&ends);
        future = spawn(write_much, &ends.out);
        read_much(ends.in);
        join(future);
        ends.out = -1;
        ends_close(&ends);
    }
}

TEST(write_all_ends_at_its_deadline)
{
    struct ends ends;
    char *much = calloc(1, MUCH);

    ends_pair(&ends);
    assert_int_equal(thrum_write_all(ends.out, much, MUCH, thrum_in_ms(5)),
                     -ETIMEDOUT);
    free(much);
    ends_close(&ends);
}

TEST_MAIN("net_write")
