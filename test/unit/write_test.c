/* SPDX-License-Identifier: MIT */
/*
 * test/unit/write_test.c - writing all of it, whatever the descriptor does.
 */
#include "sys/write.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "thrum_test.h"

/* More than any pipe holds. */
#define BYTES ((size_t)4 * 1024 * 1024)

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 31 + i / 4096);
}

/* Both ends of a pipe, what goes in, and what came out. */
struct flow {
    int ends[2];
    unsigned char *bytes;
    size_t came;
    bool as_sent;
};

static void flow_begin(struct flow *flow, int flags)
{
    assert_int_equal(pipe2(flow->ends, flags | O_CLOEXEC), 0);
    flow->bytes = malloc(BYTES);
    assert_non_null(flow->bytes);
    for (size_t i = 0; i < BYTES; i++)
        flow->bytes[i] = byte_at(i);
    flow->came = 0;
    flow->as_sent = true;
}

static void flow_end(struct flow *flow)
{
    close(flow->ends[0]);
    close(flow->ends[1]);
    free(flow->bytes);
}

/* Reads a little at a time until all have come. */
static void *flow_read(void *arg)
{
    struct flow *flow = arg;
    unsigned char some[5000];

    while (flow->came < BYTES) {
        ssize_t n = read(flow->ends[0], some, sizeof(some));

        if (n < 0) {
            CHECK(errno == EAGAIN || errno == EINTR);
            continue;
        }
        for (ssize_t i = 0; i < n; i++)
            flow->as_sent &= some[i] == byte_at(flow->came + (size_t)i);
        flow->came += (size_t)n;
    }
    return NULL;
}

TEST(all_bytes_are_written_to_a_pipe_that_is_full_again_and_again)
{
    for (int i = 0; i < 2; i++) {
        struct test_thread *reader;
        struct flow flow;

        flow_begin(&flow, i == 0 ? 0 : O_NONBLOCK);
        reader = spawn_thread(flow_read, &flow);
        assert_int_equal(thrumi_write(flow.ends[1], flow.bytes, BYTES), 0);
        join_thread(reader);
        assert_int_equal(flow.came, BYTES);
        assert_true(flow.as_sent);
        flow_end(&flow);
    }
}

/* ---- signals ---- */

static atomic_uint signals;

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
}

struct writing {
    struct flow flow;
    int rc;
    atomic_bool done;
};

static void *write_all(void *arg)
{
    struct writing *writing = arg;

    writing->rc =
        thrumi_write(writing->flow.ends[1], writing->flow.bytes, BYTES);
    atomic_store(&writing->done, true);
    return NULL;
}

/* Interrupts a writer that sleeps, since nobody reads, then reads. */
static void write_interrupted(int flags)
{
    struct writing writing = {.rc = 1};
    struct test_thread *writer;

    flow_begin(&writing.flow, flags);
    writer = spawn_thread(write_all, &writing);
    for (unsigned i = 0; i < 10; i++) {
        unsigned before = atomic_load(&signals);

        thread_await_sleep(writer);
        thread_signal(writer, SIGUSR1);
        WAIT_UNTIL(atomic_load(&signals) > before);
    }
    CHECK(!atomic_load(&writing.done));
    flow_read(&writing.flow);
    join_thread(writer);
    assert_int_equal(writing.rc, 0);
    assert_true(writing.flow.as_sent);
    flow_end(&writing.flow);
}

TEST(signals_do_not_end_it)
{
    struct sigaction action = {.sa_handler = count_signal}; /* no SA_RESTART */
    struct sigaction before;

    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    write_interrupted(0);
    write_interrupted(O_NONBLOCK);
    sigaction(SIGUSR1, &before, NULL);
}

/* ---- failing ---- */

TEST(what_write_says_is_returned)
{
    struct flow flow;

    flow_begin(&flow, 0);
    assert_int_equal(thrumi_write(-1, "x", 1), -EBADF);
    assert_int_equal(thrumi_write(flow.ends[0], "x", 1), -EBADF);
    flow_end(&flow);
    assert_int_equal(thrumi_write(flow.ends[1], "x", 1), -EBADF);
}

TEST(nobody_will_ever_read)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    struct flow flow;

    assert_int_equal(sigaction(SIGPIPE, &ignore, &before), 0);
    flow_begin(&flow, O_NONBLOCK);
    close(flow.ends[0]);
    assert_int_equal(thrumi_write(flow.ends[1], flow.bytes, BYTES), -EPIPE);
    flow.ends[0] = dup(flow.ends[1]);
    flow_end(&flow);
    sigaction(SIGPIPE, &before, NULL);
}

TEST(nothing_is_written_of_nothing)
{
    assert_int_equal(thrumi_write(-1, NULL, 0), 0);
}

TEST_MAIN("write")
