/* SPDX-License-Identifier: MIT */
/*
 * test/unit/hub_io_test.c - greenlets that share descriptors: who is served,
 * what a close, a kill or a deadline does to them; on each engine.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thrum.h>

#include "futures.h"
#include "hub/engine.h"
#include "hub/hub.h"
#include "thrum_test.h"

/* ---- engines ---- */

static const char *const loops[] = {"epoll", "uring"};

/* Has the thread's next hub this engine; false where it cannot be had. */
static bool loop_is(unsigned which)
{
    setenv("THRUM_LOOP", loops[which], 1);
    if (thrum_hub_open(NULL) == 0)
        return true;
    CHECK_INT(thrum_hub_close(THRUM_NOW), 0);
    return false;
}

static void loop_end(void)
{
    CHECK_INT(thrum_hub_close(THRUM_FOREVER), 0);
}

/* What follows, in a hub on each engine there is. */
#define ON_EACH_ENGINE               \
 for (unsigned e_ = 0; e_ < 2; e_++) \
  for (bool on_ = loop_is(e_); on_; on_ = (loop_end(), false))

static thrum_future *spawn(thrum_fn *fn, const void *arg)
{
    thrum_future *future = NULL;

    CHECK_INT(thrum_spawn(fn, arg, 0, &future), 0);
    return future;
}

static void join(thrum_future **futures, size_t n)
{
    CHECK_INT(thrum_join_all(futures, n, THRUM_FOREVER), 0);
    for (size_t i = 0; i < n; i++)
        thrum_future_unref(futures[i]);
}

/* Lets those that were spawned begin, and wait. */
static void settle_down(void)
{
    for (int i = 0; i < 3; i++)
        CHECK_INT(thrum_pass(), 0);
}

/* ---- calls ---- */

static int64_t io_read(int fd, void *into, size_t n, thrum_time deadline)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_READ, .fd = fd, .into = into, .length = n};

    return thrumi_hub_io(&io, deadline);
}

static int64_t io_write(int fd, const void *from, size_t n)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_WRITE, .fd = fd, .from = from, .length = n};

    return thrumi_hub_io(&io, THRUM_FOREVER);
}

static int64_t io_accept(int fd)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_ACCEPT, .fd = fd, .flags = SOCK_CLOEXEC};

    return thrumi_hub_io(&io, THRUM_FOREVER);
}

static int64_t io_connect(int fd, const struct sockaddr_in *to)
{
    struct thrumi_io io = {.op = THRUMI_IO_CONNECT, .fd = fd};

    io.to = (const struct sockaddr *)to;
    io.to_length = sizeof(*to);
    return thrumi_hub_io(&io, THRUM_FOREVER);
}

static void io_close(int fd)
{
    thrumi_hub_forget(fd, -EBADF);
    close(fd);
}

static void open_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
}

static void close_pair(int ends[2])
{
    io_close(ends[0]);
    io_close(ends[1]);
}

static int listen_here(struct sockaddr_in *here)
{
    socklen_t length = sizeof(*here);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *here = (struct sockaddr_in){.sin_family = AF_INET};
    here->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)here, length), 0);
    assert_int_equal(listen(fd, 1000), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)here, &length), 0);
    return fd;
}

/* ---- echo ---- */

#define TURNS 50

struct peer {
    int fd;
    int first; /* what it sends */
    bool done;
};

static void *echo(void *arg)
{
    const struct peer *peer = arg;
    char buffer[64];

    for (;;) {
        int64_t n = io_read(peer->fd, buffer, sizeof(buffer), THRUM_FOREVER);

        if (!CHECK(n >= 0) || n == 0)
            break;
        CHECK_INT(io_write(peer->fd, buffer, (size_t)n), n);
    }
    io_close(peer->fd);
    return NULL;
}

static void *ask(void *arg)
{
    struct peer *peer = arg;

    for (int i = 0; i < TURNS; i++) {
        int sent = peer->first + i;
        int got = 0;

        CHECK_INT(io_write(peer->fd, &sent, sizeof(sent)), sizeof(sent));
        CHECK_INT(io_read(peer->fd, &got, sizeof(got), THRUM_FOREVER),
                  sizeof(got));
        CHECK_INT(got, sent);
    }
    io_close(peer->fd);
    peer->done = true;
    return NULL;
}

TEST(many_pairs_talk_at_once)
{
    enum {
        PAIRS = 100
    };
    static struct peer peers[PAIRS][2];
    thrum_future *futures[2 * PAIRS];

    ON_EACH_ENGINE
    {
        for (int i = 0; i < PAIRS; i++) {
            int ends[2];

            open_pair(ends);
            peers[i][0] = (struct peer){ends[0], 0, false};
            peers[i][1] = (struct peer){ends[1], i * 1000, false};
            futures[2 * i] = spawn(echo, &peers[i][0]);
            futures[2 * i + 1] = spawn(ask, &peers[i][1]);
        }
        join(futures, 2 * PAIRS);
        for (int i = 0; i < PAIRS; i++)
            assert_true(peers[i][1].done);
    }
}

/* ---- a server ---- */

struct server {
    struct sockaddr_in here;
    int listener;
    int count;
    int served;
};

static void *serve(void *arg)
{
    struct server *server = arg;

    for (int i = 0; i < server->count; i++) {
        int64_t fd = io_accept(server->listener);
        struct peer peer = {(int)fd, 0, false};
        int rc;

        if (!CHECK(fd >= 0))
            break;
        rc = thrum_spawn(echo, &peer, sizeof(peer), NULL);
        CHECK_INT(rc, 0);
        server->served++;
    }
    return NULL;
}

static void *visit(void *arg)
{
    const struct server *server = arg;
    struct peer peer = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 7,
                        false};

    if (!CHECK(peer.fd >= 0))
        return NULL;
    thrumi_hub_forget(peer.fd, -EBADF);
    if (CHECK_INT(io_connect(peer.fd, &server->here), 0))
        ask(&peer);
    return NULL;
}

TEST(a_server_serves_all_that_connect)
{
    const int count = (int)test_scale(200);
    thrum_future **futures = calloc((size_t)count + 2, sizeof(*futures));

    ON_EACH_ENGINE
    {
        struct server server = {.count = count};
        struct server second;

        server.listener = listen_here(&server.here);
        server.count = count - count / 2;
        second = server; /* two accept on one listener */
        second.count = count / 2;
        futures[0] = spawn(serve, &server);
        futures[1] = spawn(serve, &second);
        for (int i = 0; i < count; i++)
            futures[i + 2] = spawn(visit, &server);
        join(futures, (size_t)count + 2);
        assert_int_equal(server.served + second.served, count);
        io_close(server.listener);
    }
    free(futures);
}

/* ---- several that wait for one ---- */

struct turn {
    int fd;
    char got;
    int *order; /* a counter */
    int place;
    int64_t result;
    thrum_time deadline;
};

static void *take_one(void *arg)
{
    struct turn *turn = arg;

    turn->result = io_read(turn->fd, &turn->got, 1, turn->deadline);
    turn->place = (*turn->order)++;
    return NULL;
}

#define WAITERS 5

static void spawn_turns(struct turn turns[WAITERS],
                        thrum_future *futures[WAITERS], int fd, int *order)
{
    *order = 0;
    for (int i = 0; i < WAITERS; i++) {
        turns[i] = (struct turn){fd, 0, order, -1, 0, THRUM_FOREVER};
        futures[i] = spawn(take_one, &turns[i]);
    }
    settle_down();
}

TEST(S11_the_first_to_wait_is_the_first_to_be_served)
{
    struct turn turns[WAITERS];
    thrum_future *futures[WAITERS];
    int order;
    int ends[2];

    ON_EACH_ENGINE
    {
        open_pair(ends);
        spawn_turns(turns, futures, ends[0], &order);
        /* once at a time, and then all at once */
        assert_int_equal(write(ends[1], "a", 1), 1);
        assert_int_equal(thrum_future_result(futures[0], THRUM_FOREVER, NULL),
                         0);
        assert_int_equal(write(ends[1], "bcde", 4), 4);
        join(futures, WAITERS);
        for (int i = 0; i < WAITERS; i++) {
            assert_int_equal(turns[i].result, 1);
            assert_int_equal(turns[i].got, 'a' + i);
            assert_int_equal(turns[i].place, i);
        }
        close_pair(ends);
    }
}

TEST(S11_the_end_of_a_stream_is_told_to_all)
{
    struct turn turns[WAITERS];
    thrum_future *futures[WAITERS];
    int order;
    int ends[2];

    ON_EACH_ENGINE
    {
        open_pair(ends);
        spawn_turns(turns, futures, ends[0], &order);
        close(ends[1]);
        join(futures, WAITERS);
        for (int i = 0; i < WAITERS; i++)
            assert_int_equal(turns[i].result, 0);
        io_close(ends[0]);
    }
}

TEST(S12_a_close_ends_the_waits_of_all)
{
    struct turn turns[WAITERS];
    thrum_future *futures[WAITERS];
    int order;
    int ends[2];
    char byte;

    ON_EACH_ENGINE
    {
        open_pair(ends);
        spawn_turns(turns, futures, ends[0], &order);
        io_close(ends[0]);
        /* nothing holds it open */
        assert_int_equal(recv(ends[1], &byte, 1, 0), 0);
        join(futures, WAITERS);
        for (int i = 0; i < WAITERS; i++)
            assert_int_equal(turns[i].result, -EBADF);
        io_close(ends[1]);
    }
}

static void *fill(void *arg)
{
    struct turn *turn = arg;
    static const char zeroes[4096];

    do
        turn->result = io_write(turn->fd, zeroes, sizeof(zeroes));
    while (turn->result > 0);
    return NULL;
}

TEST(S12_a_shutdown_ends_the_waits_of_its_direction)
{
    struct turn turns[2];
    thrum_future *futures[2];
    int order = 0;
    int ends[2];

    ON_EACH_ENGINE
    {
        open_pair(ends);
        for (int i = 0; i < 2; i++)
            turns[i] = (struct turn){ends[0], 0, &order, -1, 0, THRUM_FOREVER};
        futures[0] = spawn(take_one, &turns[0]);
        futures[1] = spawn(fill, &turns[1]);
        settle_down();
        assert_int_equal(shutdown(ends[0], SHUT_RD), 0);
        assert_int_equal(thrum_future_result(futures[0], THRUM_FOREVER, NULL),
                         0);
        assert_int_equal(turns[0].result, 0);
        assert_false(thrum_future_done(futures[1]));
        assert_int_equal(shutdown(ends[0], SHUT_WR), 0);
        join(futures, 2);
        assert_int_equal(turns[1].result, -EPIPE);
        close_pair(ends);
    }
}

/* The number is another thing's now; who waited does not see it. */
TEST(S12_a_dup2_ends_the_waits_and_the_number_is_as_new)
{
    struct turn turns[WAITERS];
    thrum_future *futures[WAITERS];
    int order;
    int ends[2];
    int other[2];
    char byte = 0;

    ON_EACH_ENGINE
    {
        open_pair(ends);
        open_pair(other);
        spawn_turns(turns, futures, ends[0], &order);
        thrumi_hub_forget(ends[0], -EBADF);
        assert_int_equal(dup3(other[0], ends[0], O_CLOEXEC), ends[0]);
        assert_int_equal(write(other[1], "xy", 2), 2);
        join(futures, WAITERS);
        for (int i = 0; i < WAITERS; i++)
            assert_int_equal(turns[i].result, -EBADF);
        assert_int_equal(io_read(ends[0], &byte, 1, THRUM_FOREVER), 1);
        assert_int_equal(byte, 'x');
        close_pair(ends);
        close_pair(other);
    }
}

/* One that was woken, and has not run yet, when the descriptor is closed. */
TEST(S12_a_close_between_the_wake_and_the_turn_is_seen)
{
    struct turn turns[WAITERS];
    thrum_future *futures[WAITERS];
    int order;
    int ends[2];

    ON_EACH_ENGINE
    {
        open_pair(ends);
        spawn_turns(turns, futures, ends[0], &order);
        assert_int_equal(write(ends[1], "a", 1), 1);
        thrumi_hub_poll(thrumi_hub_current());
        io_close(ends[0]);
        join(futures, WAITERS);
        for (int i = 1; i < WAITERS; i++)
            assert_int_equal(turns[i].result, -EBADF);
        /* with io_uring the kernel had done it */
        assert_true(turns[0].result == -EBADF || turns[0].result == 1);
        io_close(ends[1]);
    }
}

/* ---- kills and deadlines ---- */

TEST(a_killed_one_takes_nothing_and_the_next_is_served)
{
    struct turn turns[WAITERS];
    thrum_future *futures[WAITERS];
    int order;
    int ends[2];

    ON_EACH_ENGINE
    {
        open_pair(ends);
        spawn_turns(turns, futures, ends[0], &order);
        assert_int_equal(thrum_future_kill(futures[0], THRUM_FOREVER), 0);
        assert_int_equal(write(ends[1], "bcde", 4), 4);
        join(futures, WAITERS);
        assert_int_equal(turns[0].result, -ECANCELED);
        for (int i = 1; i < WAITERS; i++)
            assert_int_equal(turns[i].got, 'a' + i);
        close_pair(ends);
    }
}

/* Killed when the event had woken it already: the next must hear of it. */
TEST(a_kill_after_the_wake_loses_nothing)
{
    struct turn turns[WAITERS];
    thrum_future *futures[WAITERS];
    int order;
    int ends[2];
    char all[8] = "";

    ON_EACH_ENGINE
    {
        size_t seen = 0;

        open_pair(ends);
        spawn_turns(turns, futures, ends[0], &order);
        assert_int_equal(write(ends[1], "abcde", 5), 5);
        thrumi_hub_poll(thrumi_hub_current());
        assert_int_equal(thrum_future_kill(futures[0], THRUM_FOREVER), 0);
        join(futures, WAITERS);
        for (int i = 0; i < WAITERS; i++)
            if (turns[i].result == 1)
                all[seen++] = turns[i].got;
        assert_true(seen == 5 || turns[0].result == -ECANCELED);
        assert_memory_equal(all, "abcde", seen);
        close_pair(ends);
    }
}

TEST(each_wait_ends_at_its_own_deadline)
{
    struct turn turns[WAITERS];
    thrum_future *futures[WAITERS];
    int order = 0;
    int ends[2];

    ON_EACH_ENGINE
    {
        order = 0;
        open_pair(ends);
        for (int i = 0; i < WAITERS; i++) {
            turns[i] = (struct turn){
                ends[0], 0, &order, -1, 0, thrum_in_ms(2 * (WAITERS - i))};
            futures[i] = spawn(take_one, &turns[i]);
        }
        join(futures, WAITERS);
        for (int i = 0; i < WAITERS; i++) {
            assert_int_equal(turns[i].result, -ETIMEDOUT);
            assert_int_equal(turns[i].place, WAITERS - 1 - i);
        }
        close_pair(ends);
    }
}

/* The number of calls that wait comes back to none, whatever ended them. */
TEST(nothing_counts_as_waiting_in_the_end)
{
    ON_EACH_ENGINE
    {
        const struct thrumi_engine *engine = thrumi_hub_here()->engine;

        assert_int_equal(engine->ops->waiting(engine), 0);
    }
}

/* ---- fairness ---- */

static bool enough;

static void *never_dry(void *arg)
{
    const int *zero = arg;
    char buffer[16];

    while (!enough && CHECK_INT(io_read(*zero, buffer, 16, THRUM_FOREVER), 16))
        ;
    return NULL;
}

static void *count_bytes(void *arg)
{
    struct peer *peer = arg;
    char byte;

    for (int i = 0; i < 20; i++)
        CHECK_INT(io_read(peer->fd, &byte, 1, THRUM_FOREVER), 1);
    enough = true;
    return NULL;
}

static void *send_bytes(void *arg)
{
    const int *fd = arg;

    for (int i = 0; i < 20; i++)
        if (!CHECK_INT(write(*fd, "x", 1), 1))
            break;
    return NULL;
}

/* Bytes come from another thread while one greenlet's calls never wait. */
TEST(a_source_that_never_runs_dry_starves_nobody)
{
    int ends[2];

    ON_EACH_ENGINE
    {
        int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        struct peer peer;
        thrum_future *futures[2];
        struct test_thread *thread;

        enough = false;
        open_pair(ends);
        peer = (struct peer){ends[0], 0, false};
        futures[0] = spawn(never_dry, &zero);
        futures[1] = spawn(count_bytes, &peer);
        thread = spawn_thread(send_bytes, &ends[1]);
        join(futures, 2);
        join_thread(thread);
        close_pair(ends);
        io_close(zero);
    }
}

/* ---- other threads ---- */

static void *settle(void *arg)
{
    struct deal *deal = arg;

    CHECK_INT(thrum_promise_set_result(deal->promise, deal), 0);
    return NULL;
}

static void *await_deal(void *arg)
{
    struct deal *deal = arg;
    void *result = NULL;

    CHECK_INT(thrum_future_result(deal->future, THRUM_FOREVER, &result), 0);
    CHECK(result == deal);
    return NULL;
}

TEST(a_hub_that_waits_for_IO_is_woken_by_another_thread)
{
    struct turn turn;
    int order = 0;
    int ends[2];

    ON_EACH_ENGINE
    for (int i = 0; i < 20; i++) {
        struct deal deal = deal_new();
        struct test_thread *thread;
        thrum_future *futures[2];

        open_pair(ends);
        turn = (struct turn){ends[0], 0, &order, -1, 0, THRUM_FOREVER};
        futures[0] = spawn(take_one, &turn);
        futures[1] = spawn(await_deal, &deal);
        settle_down();
        thread = spawn_thread(settle, &deal);
        assert_int_equal(thrum_future_result(futures[1], THRUM_FOREVER, NULL),
                         0);
        assert_int_equal(write(ends[1], "x", 1), 1);
        join(futures, 2);
        join_thread(thread);
        deal_end(&deal);
        close_pair(ends);
    }
}

/* ---- a forked child ---- */

static int child_talks(void *arg)
{
    int *ends = arg;
    int own[2];
    char byte = 0;

    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, own), 0);
    thrumi_hub_forget(own[0], -EBADF);
    CHECK_INT(io_read(own[0], &byte, 1, thrum_in_ms(1)), -ETIMEDOUT);
    CHECK_INT(write(own[1], "y", 1), 1);
    CHECK_INT(io_read(own[0], &byte, 1, THRUM_FOREVER), 1);
    CHECK_INT(byte, 'y');
    /* what the parent waits on is left to it */
    io_close(ends[0]);
    return 0;
}

TEST(S17_a_child_has_a_hub_of_its_own_and_the_parent_goes_on)
{
    struct turn turns[WAITERS];
    thrum_future *futures[WAITERS];
    int order;
    int ends[2];

    ON_EACH_ENGINE
    {
        open_pair(ends);
        spawn_turns(turns, futures, ends[0], &order);
        assert_int_equal(in_child(child_talks, ends), 0);
        assert_int_equal(write(ends[1], "abcde", 5), 5);
        join(futures, WAITERS);
        for (int i = 0; i < WAITERS; i++)
            assert_int_equal(turns[i].got, 'a' + i);
        close_pair(ends);
    }
}

/* ---- the end of a hub ---- */

TEST(a_hub_that_is_closed_ends_the_calls_of_its_greenlets)
{
    struct turn turns[WAITERS];
    int ends[2];
    int order = 0;

    for (unsigned e = 0; e < 2; e++) {
        if (!loop_is(e))
            continue;
        order = 0;
        open_pair(ends);
        for (int i = 0; i < WAITERS; i++) {
            turns[i] = (struct turn){ends[0], 0, &order, -1, 0, THRUM_FOREVER};
            assert_int_equal(thrum_spawn(take_one, &turns[i], 0, NULL), 0);
        }
        settle_down();
        assert_int_equal(thrum_hub_close(thrum_in_ms(1)), -ETIMEDOUT);
        for (int i = 0; i < WAITERS; i++)
            assert_int_equal(turns[i].result, -ECANCELED);
        close(ends[0]);
        close(ends[1]);
    }
}

/* ---- random ---- */

/* Connections that come, talk, stall, are killed and closed at random: in the
 * end nothing is left. */
struct storm {
    unsigned seed;
    unsigned left;
    struct sockaddr_in here;
    int listener;
};

static unsigned storm_random(struct storm *storm)
{
    storm->seed = storm->seed * 1103515245u + 12345u;
    return storm->seed >> 16 & 0x7fff;
}

static void *storm_guest(void *arg)
{
    struct storm *storm = arg;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct linger hard = {1, 0};
    char buffer[64] = "";

    thrumi_hub_forget(fd, -EBADF);
    if (io_connect(fd, &storm->here) == 0) {
        for (unsigned i = storm_random(storm) % 6; i > 0; i--)
            if (io_write(fd, buffer, 1 + storm_random(storm) % 64) < 0 ||
                io_read(fd, buffer, 64, thrum_in_ms(50)) <= 0)
                break;
        if (storm_random(storm) % 4 == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        if (storm_random(storm) % 4 == 0)
            shutdown(fd, SHUT_WR);
        if (storm_random(storm) % 4 == 0)
            (void)thrum_sleep(thrum_in_ms(storm_random(storm) % 5));
    }
    io_close(fd);
    return NULL;
}

static void *storm_host(void *arg)
{
    const struct peer *peer = arg;
    char buffer[64];
    int64_t n;

    do {
        n = io_read(peer->fd, buffer, sizeof(buffer), thrum_in_ms(100));
        if (n > 0)
            n = io_write(peer->fd, buffer, (size_t)n);
    } while (n > 0);
    io_close(peer->fd);
    return NULL;
}

static void *storm_door(void *arg)
{
    struct storm *storm = arg;

    for (;;) {
        int64_t fd = io_accept(storm->listener);
        struct peer peer = {(int)fd, 0, false};
        int rc;

        if (fd < 0)
            return NULL;
        rc = thrum_spawn(storm_host, &peer, sizeof(peer), NULL);
        CHECK_INT(rc, 0);
    }
}

static void storm_round(struct storm *storm)
{
    enum {
        GUESTS = 30
    };
    thrum_future *futures[GUESTS];

    for (int i = 0; i < GUESTS; i++)
        futures[i] = spawn(storm_guest, storm);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(thrum_pass(), 0);
        CHECK_INT(thrum_future_kill(futures[storm_random(storm) % GUESTS],
                                    THRUM_FOREVER),
                  0);
    }
    join(futures, GUESTS);
}

TEST(a_storm_of_connections_leaves_nothing_behind)
{
    ON_EACH_ENGINE
    {
        struct storm storm = {.seed = 4711};
        thrum_future *door;

        storm.listener = listen_here(&storm.here);
        door = spawn(storm_door, &storm);
        for (unsigned i = 0; i < test_scale(20); i++)
            storm_round(&storm);
        io_close(storm.listener);
        join(&door, 1);
    }
}

TEST_MAIN("hub_io")
