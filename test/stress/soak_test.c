/* SPDX-License-Identifier: MIT */
/*
 * test/stress/soak_test.c - an echo server whose clients come, stall, half-close,
 * reset and vanish at random, while greenlets of both sides are killed and run
 * into deadlines.
 *
 * What comes back is what was sent. In the end there are as many descriptors,
 * greenlets and pages as there were before.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stress.h"

enum {
    CLIENTS = 48,
    MOST_BYTES = 20000
};

static struct {
    int listener;
    struct sockaddr_in address;
    thrum_time end;
    uint64_t seed;
    unsigned handled; /* connections */
    unsigned echoed;  /* messages that came back whole */
    unsigned killed;
    unsigned live; /* handlers */
} soak;

/* ---- the server ---- */

static void *handle(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buffer[4096];
    int64_t n;

    soak.handled++;
    while ((n = thrum_read(fd, buffer, sizeof(buffer), thrum_in_ms(200))) > 0)
        if (thrum_write_all(fd, buffer, (size_t)n, thrum_in_ms(200)) != 0)
            break;
    CHECK(n >= -4095);
    CHECK_INT(thrum_close(fd), 0);
    soak.live--;
    return NULL;
}

static void *serve(void *arg)
{
    int fd;

    (void)arg;
    while ((fd = thrum_accept(soak.listener, NULL, NULL, THRUM_FOREVER)) >= 0) {
        soak.live++;
        CHECK_INT(thrum_spawn(handle, (void *)(intptr_t)fd, 0, NULL), 0);
    }
    CHECK(fd == -ECANCELED);
    return NULL;
}

static void listen_somewhere(void)
{
    socklen_t length = sizeof(soak.address);

    soak.listener = thrum_socket(AF_INET, SOCK_STREAM, 0);
    assert_true(soak.listener >= 0);
    soak.address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(soak.listener, (struct sockaddr *)&soak.address,
                          sizeof(soak.address)),
                     0);
    assert_int_equal(listen(soak.listener, 512), 0);
    assert_int_equal(
        getsockname(soak.listener, (struct sockaddr *)&soak.address, &length),
        0);
}

/* ---- what a client does with a connection ---- */

struct client {
    uint64_t random;
    int fd;
    char sent[MOST_BYTES];
    char back[MOST_BYTES];
};

/* Reads until so many bytes are there: 0, or why not. */
static int read_back(struct client *self, size_t n)
{
    size_t got = 0;

    while (got < n) {
        int64_t rc =
            thrum_read(self->fd, self->back + got, n - got, thrum_in_ms(150));

        if (rc <= 0)
            return rc == 0 ? -EPIPE : (int)rc;
        got += (size_t)rc;
    }
    return 0;
}

/* One who writes while the other side waits for him to read would wait for
 * ever: as much as fits into the buffers of a socket. */
static int talk(struct client *self)
{
    size_t n = 1 + stress_random(&self->random, MOST_BYTES);
    int rc;

    for (size_t i = 0; i < n; i++)
        self->sent[i] = (char)(i + n);
    rc = thrum_write_all(self->fd, self->sent, n, thrum_in_ms(150));
    if (rc == 0)
        rc = read_back(self, n);
    if (rc == 0) {
        CHECK(memcmp(self->sent, self->back, n) == 0);
        soak.echoed++;
    }
    return rc;
}

static int half_close(struct client *self)
{
    size_t n = 1 + stress_random(&self->random, 1000);
    int rc = thrum_write_all(self->fd, self->sent, n, thrum_in_ms(150));

    if (rc != 0)
        return rc;
    rc = thrum_shutdown(self->fd, SHUT_WR);
    if (rc != 0) { /* the other side has reset it meanwhile */
        CHECK_INT(rc, -ENOTCONN);
        return rc;
    }
    rc = read_back(self, n);
    return rc == 0 ? -EPIPE : rc; /* it is over */
}

static int reset(struct client *self)
{
    struct linger linger = {1, 0};

    CHECK_INT(
        setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)),
        0);
    return -EPIPE;
}

static int vanish(struct client *self)
{
    int rc = thrum_write_all(self->fd, self->sent, 100, thrum_in_ms(150));

    return rc == -ECANCELED ? rc : -EPIPE;
}

static int hurry(struct client *self)
{
    int rc = 0;

    THRUM_WITH_DEADLINE(limit, thrum_in_us(stress_random(&self->random, 500))) {
        rc = talk(self);
    }
    CHECK(rc != -ETIMEDOUT || thrum_expired(&limit));
    return rc;
}

static int act(struct client *self)
{
    switch (stress_random(&self->random, 8)) {
    case 0:
        return half_close(self);
    case 1:
        return reset(self);
    case 2:
        return vanish(self);
    case 3:
        return hurry(self);
    case 4:
        return thrum_sleep(thrum_in_us(stress_random(&self->random, 3000)));
    default:
        return talk(self);
    }
}

/* 0, or -ECANCELED. */
static int one_connection(struct client *self)
{
    int rc;

    self->fd = thrum_socket(AF_INET, SOCK_STREAM, 0);
    CHECK(self->fd >= 0);
    rc = thrum_connect(self->fd, (struct sockaddr *)&soak.address,
                       sizeof(soak.address), thrum_in_ms(150));
    while (rc == 0)
        rc = act(self);
    CHECK_INT(thrum_close(self->fd), 0);
    return rc == -ECANCELED ? rc : 0;
}

static void *client(void *arg)
{
    struct client *self = calloc(1, sizeof(*self));
    int rc = 0;

    if (self == NULL)
        abort();
    self->random = soak.seed + (uintptr_t)arg + 1;
    while (rc == 0 && !stress_is_over(soak.end))
        rc = one_connection(self);
    free(self);
    return NULL;
}

/* ---- the day ---- */

/* Kills a client now and then, and sends another in its place. */
static void reap_and_sow(thrum_future **clients, uint64_t *random)
{
    unsigned i = stress_random(random, CLIENTS);

    CHECK_INT(thrum_future_kill(clients[i], THRUM_FOREVER), 0);
    thrum_future_unref(clients[i]);
    soak.killed++;
    CHECK_INT(thrum_spawn(client, (void *)(uintptr_t)*random, 0, &clients[i]),
              0);
}

static void day(unsigned seconds)
{
    thrum_future *clients[CLIENTS];
    thrum_future *server = NULL;
    uint64_t random = soak.seed;

    soak.end = stress_end(seconds);
    listen_somewhere();
    assert_int_equal(thrum_spawn(serve, NULL, 0, &server), 0);
    for (uintptr_t i = 0; i < CLIENTS; i++)
        assert_int_equal(thrum_spawn(client, (void *)i, 0, &clients[i]), 0);
    while (!stress_is_over(soak.end)) {
        assert_int_equal(thrum_sleep(thrum_in_ms(2)), 0);
        reap_and_sow(clients, &random);
    }
    assert_int_equal(thrum_join_all(clients, CLIENTS, THRUM_FOREVER), 0);
    for (unsigned i = 0; i < CLIENTS; i++)
        thrum_future_unref(clients[i]);
    assert_int_equal(thrum_future_kill(server, THRUM_FOREVER), 0);
    thrum_future_unref(server);
    assert_int_equal(thrum_close(soak.listener), 0);
    while (soak.live > 0)
        assert_int_equal(thrum_sleep(thrum_in_ms(1)), 0);
    thrum_stack_trim();
}

static long resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1)
        abort();
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Caches and the allocator's own are allowed for: a leak of a stack or a buffer
 * for each connection would be tens of megabytes. */
TEST(after_a_soak_everything_is_as_it_was)
{
    long before;
    long after;

    soak.seed = stress_seed();
    day(1);
    before = resident_kib();
    day(2);
    after = resident_kib();
    fprintf(stderr,
            "# %u connections, %u echoes, %u clients killed, "
            "%ld KiB resident before, %ld after\n",
            soak.handled, soak.echoed, soak.killed, before, after);
    assert_true(soak.echoed > 0);
    if (!TEST_ASAN && !TEST_TSAN)
        assert_true(after < before + 2048);
    assert_int_equal(thrum_hub_close(THRUM_NOW), 0);
}

TEST_MAIN("stress-soak")
