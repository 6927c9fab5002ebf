/* SPDX-License-Identifier: MIT */
/*
 * net_read_test.c - every call that reads, on everything that can be read: data
 * there at once, data later, a deadline, a kill, the end, a wrong descriptor,
 * several that wait, a close meanwhile.
 */
#include <thrum.h>

#include "net.h"

static int64_t by_read(int fd, char *into, size_t n, thrum_time deadline)
{
    return thrum_read(fd, into, n, deadline);
}

static int64_t by_readv(int fd, char *into, size_t n, thrum_time deadline)
{
    struct iovec vector[2] = {{into, 1}, {into + 1, n - 1}};

    return thrum_readv(fd, vector, 2, deadline);
}

static int64_t by_recv(int fd, char *into, size_t n, thrum_time deadline)
{
    return thrum_recv(fd, into, n, 0, deadline);
}

static int64_t by_recvfrom(int fd, char *into, size_t n, thrum_time deadline)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);

    return thrum_recvfrom(fd, into, n, 0, (struct sockaddr *)&from, &length,
                          deadline);
}

static int64_t by_recvmsg(int fd, char *into, size_t n, thrum_time deadline)
{
    struct iovec vector = {into, n};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

    return thrum_recvmsg(fd, &message, 0, deadline);
}

typedef int64_t read_fn(int fd, char *into, size_t n, thrum_time deadline);

static const struct way {
    const char *name;
    void (*open)(struct ends *ends);
    read_fn *read;
} ways[] = {
    {"read of a pipe", ends_pipe, by_read},
    {"read of a pair", ends_pair, by_read},
    {"read of TCP", ends_tcp, by_read},
    {"readv of a pipe", ends_pipe, by_readv},
    {"readv of a pair", ends_pair, by_readv},
    {"readv of TCP", ends_tcp, by_readv},
    {"recv of a pair", ends_pair, by_recv},
    {"recv of TCP", ends_tcp, by_recv},
    {"recvfrom of a pair", ends_pair, by_recvfrom},
    {"recvfrom of TCP", ends_tcp, by_recvfrom},
    {"recvmsg of a pair", ends_pair, by_recvmsg},
    {"recvmsg of TCP", ends_tcp, by_recvmsg},
};

#define FOR_EACH_WAY(way)                                                      \
 for (const struct way *way = ways; way < ways + sizeof(ways) / sizeof(*ways); \
      way++)

/* A greenlet's or thread's read, and what came of it. */
struct reader {
    const struct way *way;
    int fd;
    thrum_time deadline;
    int64_t result;
    char text[16];
    struct reader **order; /* where it says that it is done; or NULL */
};

static void *reader_run(void *arg)
{
    struct reader *reader = arg;

    reader->result = reader->way->read(reader->fd, reader->text,
                                       sizeof(reader->text), reader->deadline);
    if (reader->order != NULL)
        *reader->order++ = reader;
    return NULL;
}

static struct reader reader_of(const struct way *way, const struct ends *ends)
{
    return (struct reader){
        .way = way, .fd = ends->in, .deadline = THRUM_FOREVER};
}

static void check_read(const struct reader *reader, const char *text)
{
    if (!CHECK_INT(reader->result, (long)strlen(text)) ||
        !CHECK(memcmp(reader->text, text, strlen(text)) == 0))
        fprintf(stderr, "# that was: %s\n", reader->way->name);
}

static void check_code(const struct reader *reader, int64_t code)
{
    if (!CHECK_INT(reader->result, code))
        fprintf(stderr, "# that was: %s\n", reader->way->name);
}

TEST(what_is_there_is_read_at_once)
{
    FOR_EACH_WAY(way)
    {
        struct ends ends;
        struct reader reader;

        way->open(&ends);
        reader = reader_of(way, &ends);
        assert_int_equal(write(ends.out, "hello", 5), 5);
        reader_run(&reader);
        check_read(&reader, "hello");
        ends_close(&ends);
    }
}

TEST(who_finds_nothing_waits_and_others_go_on)
{
    FOR_EACH_WAY(way)
    {
        struct ends ends;
        struct reader reader;
        thrum_future *future;

        way->open(&ends);
        reader = reader_of(way, &ends);
        future = spawn(reader_run, &reader);
        settle_down();
        assert_false(thrum_future_done(future));
        assert_int_equal(thrum_write(ends.out, "later", 5, THRUM_FOREVER), 5);
        join(future);
        check_read(&reader, "later");
        ends_close(&ends);
    }
}

static void *write_hello(void *out)
{
    CHECK_INT(thrum_write(*(int *)out, "hello", 5, THRUM_FOREVER), 5);
    return NULL;
}

TEST(the_main_greenlet_waits_for_what_another_thread_writes)
{
    FOR_EACH_WAY(way)
    {
        struct ends ends;
        struct reader reader;
        struct test_thread *thread;

        way->open(&ends);
        reader = reader_of(way, &ends);
        thread = spawn_thread(write_hello, &ends.out);
        reader_run(&reader);
        check_read(&reader, "hello");
        join_thread(thread);
        ends_close(&ends);
    }
}

TEST(a_wait_ends_at_its_deadline_and_has_read_nothing)
{
    FOR_EACH_WAY(way)
    {
        struct ends ends;
        struct reader reader;

        way->open(&ends);
        reader = reader_of(way, &ends);
        reader.deadline = THRUM_NOW;
        reader_run(&reader);
        check_code(&reader, -ETIMEDOUT);
        reader.deadline = thrum_in_ms(2);
        reader_run(&reader);
        check_code(&reader, -ETIMEDOUT);
        assert_int_equal(write(ends.out, "kept", 4), 4);
        reader.deadline = THRUM_FOREVER;
        reader_run(&reader);
        check_read(&reader, "kept");
        ends_close(&ends);
    }
}

TEST(what_is_there_is_read_past_the_deadline_too)
{
    FOR_EACH_WAY(way)
    {
        struct ends ends;
        struct reader reader;

        way->open(&ends);
        reader = reader_of(way, &ends);
        reader.deadline = THRUM_NOW;
        assert_int_equal(write(ends.out, "now", 3), 3);
        if (way->open == ends_tcp) /* it is on its way */
            assert_int_equal(thrum_poll_one(ends.in, POLLIN, THRUM_FOREVER),
                             POLLIN);
        reader_run(&reader);
        check_read(&reader, "now");
        ends_close(&ends);
    }
}

TEST(S7_a_kill_ends_a_read)
{
    FOR_EACH_WAY(way)
    {
        struct ends ends;
        struct reader reader;
        thrum_future *future;

        way->open(&ends);
        reader = reader_of(way, &ends);
        future = spawn(reader_run, &reader);
        settle_down();
        assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
        check_code(&reader, -ECANCELED);
        thrum_future_unref(future);
        assert_int_equal(write(ends.out, "kept", 4), 4);
        reader.deadline = THRUM_FOREVER;
        reader_run(&reader);
        check_read(&reader, "kept");
        ends_close(&ends);
    }
}

TEST(the_end_of_a_stream_is_read_as_nothing)
{
    FOR_EACH_WAY(way)
    {
        struct ends ends;
        struct reader reader;
        thrum_future *future;

        way->open(&ends);
        reader = reader_of(way, &ends);
        future = spawn(reader_run, &reader);
        settle_down();
        assert_int_equal(thrum_close(ends.out), 0);
        ends.out = -1;
        join(future);
        check_code(&reader, 0);
        reader_run(&reader);
        check_code(&reader, 0);
        ends_close(&ends);
    }
}

TEST(a_descriptor_that_is_none_is_told)
{
    FOR_EACH_WAY(way)
    {
        struct ends none = {-1, -1};
        struct ends closed;
        struct reader reader = reader_of(way, &none);

        reader_run(&reader);
        check_code(&reader, -EBADF);
        way->open(&closed);
        ends_close(&closed);
        reader = reader_of(way, &closed);
        reader_run(&reader);
        check_code(&reader, -EBADF);
    }
}

/* Four wait; each is given as much as one of them takes. */
TEST(S11_several_that_read_are_served_in_their_order)
{
    FOR_EACH_WAY(way)
    {
        struct reader readers[4];
        struct reader *done[4] = {NULL};
        struct reader **order = done;
        thrum_future *futures[4];
        struct ends ends;

        way->open(&ends);
        for (int i = 0; i < 4; i++) {
            readers[i] = reader_of(way, &ends);
            futures[i] = spawn(reader_run, &readers[i]);
        }
        settle_down();
        for (int i = 0; i < 4; i++) {
            readers[i].order = order + i;
            assert_int_equal(
                thrum_write(ends.out, "0123456789abcdef", 16, THRUM_FOREVER),
                16);
            join(futures[i]);
            check_read(&readers[i], "0123456789abcdef");
            assert_ptr_equal(done[i], &readers[i]);
        }
        ends_close(&ends);
    }
}

TEST(S12_close_ends_the_reads_of_its_own_thread)
{
    FOR_EACH_WAY(way)
    {
        struct reader readers[3];
        thrum_future *futures[3];
        struct ends ends;

        way->open(&ends);
        for (int i = 0; i < 3; i++) {
            readers[i] = reader_of(way, &ends);
            futures[i] = spawn(reader_run, &readers[i]);
        }
        settle_down();
        assert_int_equal(thrum_close(ends.in), 0);
        ends.in = -1;
        for (int i = 0; i < 3; i++) {
            join(futures[i]);
            check_code(&readers[i], -EBADF);
        }
        ends_close(&ends);
    }
}

/* The number goes to another at once, and that is not what was waited for. */
TEST(S12_who_waits_does_not_get_what_the_next_of_its_number_gets)
{
    FOR_EACH_WAY(way)
    {
        struct reader reader;
        struct reader next;
        thrum_future *future;
        struct ends ends;
        struct ends others;

        way->open(&ends);
        reader = reader_of(way, &ends);
        future = spawn(reader_run, &reader);
        settle_down();
        assert_int_equal(thrum_close(ends.in), 0);
        way->open(&others);
        assert_int_equal(write(others.out, "other", 5), 5);
        join(future);
        check_code(&reader, -EBADF);
        next = reader_of(way, &others);
        reader_run(&next);
        check_read(&next, "other");
        ends.in = -1;
        ends_close(&ends);
        ends_close(&others);
    }
}

static void *reader_thread(void *arg)
{
    thrum_future *futures[2];
    struct reader *readers = arg;

    for (int i = 0; i < 2; i++)
        futures[i] = spawn(reader_run, &readers[i]);
    for (int i = 0; i < 2; i++)
        join(futures[i]);
    return NULL;
}

TEST(S12_close_ends_the_reads_of_other_threads)
{
    FOR_EACH_WAY(way)
    {
        struct reader readers[2][2];
        struct test_thread *threads[2];
        struct ends ends;

        way->open(&ends);
        for (int i = 0; i < 2; i++) {
            readers[i][0] = readers[i][1] = reader_of(way, &ends);
            threads[i] = spawn_thread(reader_thread, readers[i]);
        }
        for (int i = 0; i < 2; i++)
            thread_await_sleep(threads[i]);
        assert_int_equal(thrum_close(ends.in), 0);
        ends.in = -1;
        for (int i = 0; i < 2; i++) {
            join_thread(threads[i]);
            check_code(&readers[i][0], -EBADF);
            check_code(&readers[i][1], -EBADF);
        }
        ends_close(&ends);
    }
}

TEST(S12_shutdown_ends_the_reads)
{
    FOR_EACH_WAY(way)
    {
        struct reader reader;
        thrum_future *future;
        struct ends ends;

        if (way->open == ends_pipe)
            continue;
        way->open(&ends);
        reader = reader_of(way, &ends);
        future = spawn(reader_run, &reader);
        settle_down();
        assert_int_equal(thrum_shutdown(ends.in, SHUT_RD), 0);
        join(future);
        check_code(&reader, 0);
        ends_close(&ends);
    }
}

static void *pass_on(void *ends)
{
    int *fds = ends;
    char byte;

    while (thrum_read(fds[0], &byte, 1, THRUM_FOREVER) == 1)
        CHECK_INT(thrum_write(fds[1], &byte, 1, THRUM_FOREVER), 1);
    CHECK_INT(thrum_close(fds[1]), 0);
    return NULL;
}

/* A chain of greenlets, each passing on what the one before wrote; and two
 * halves of it in two threads. */
static void *chain_run(void *ends)
{
    enum {
        LINKS = 20
    };
    struct ends *outer = ends;
    thrum_future *futures[LINKS];
    int fds[LINKS][2];
    int before = outer->in;

    for (int i = 0; i < LINKS; i++) {
        int next[2] = {-1, outer->out};

        if (i + 1 < LINKS)
            CHECK_INT(thrum_pipe(next), 0);
        fds[i][0] = before;
        fds[i][1] = next[1];
        before = next[0];
        futures[i] = spawn(pass_on, fds[i]);
    }
    for (int i = 0; i < LINKS; i++) {
        join(futures[i]);
        if (i > 0)
            CHECK_INT(thrum_close(fds[i][0]), 0);
    }
    return NULL;
}

TEST(threads_and_greenlets_pass_on_what_they_read)
{
    struct ends first, middle, last;
    struct ends halves[2];
    struct test_thread *thread;
    thrum_future *future;
    char byte = 0;

    ends_pipe(&first);
    ends_tcp(&middle);
    ends_pair(&last);
    halves[0] = (struct ends){first.in, middle.out};
    halves[1] = (struct ends){middle.in, last.out};
    future = spawn(chain_run, &halves[0]);
    thread = spawn_thread(chain_run, &halves[1]);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(thrum_write(first.out, &i, 1, THRUM_FOREVER), 1);
        assert_int_equal(thrum_read(last.in, &byte, 1, THRUM_FOREVER), 1);
        assert_int_equal(byte, i);
    }
    assert_int_equal(thrum_close(first.out), 0);
    assert_int_equal(thrum_read(last.in, &byte, 1, THRUM_FOREVER), 0);
    join(future);
    join_thread(thread);
    assert_int_equal(thrum_close(first.in), 0);
    assert_int_equal(thrum_close(middle.in), 0);
    assert_int_equal(thrum_close(last.in), 0);
}

TEST(a_flag_asks_not_to_wait)
{
    struct ends ends;
    char byte;

    ends_tcp(&ends);
    assert_int_equal(thrum_recv(ends.in, &byte, 1, MSG_DONTWAIT, THRUM_FOREVER),
                     -EAGAIN);
    ends_close(&ends);
}

TEST_MAIN("net_read")
