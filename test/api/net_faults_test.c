/* SPDX-License-Identifier: MIT */
/*
 * net_faults_test.c - servers, connections, polls and closes with one allocation
 * failing: told by a code, nothing lost, and the next try goes well.
 */
#include <thrum.h>

#include "net.h"

static void echo(int fd, void *arg)
{
    char text[16];
    int64_t n;

    (void)arg;
    while ((n = thrum_read(fd, text, sizeof(text), THRUM_FOREVER)) > 0)
        if (thrum_write_all(fd, text, (size_t)n, THRUM_FOREVER) != 0)
            return;
}

static bool fits(int64_t rc)
{
    return rc >= 0 || rc == -ENOMEM;
}

/* Where the server listens, as text. */
static void name_of(const thrum_server *server, char *text, size_t room)
{
    struct sockaddr_in here;
    unsigned length = sizeof(here);

    CHECK_INT(thrum_server_address(server, (struct sockaddr *)&here, &length),
              0);
    snprintf(text, room, "127.0.0.1:%d", ntohs(here.sin_port));
}

/* What the server could not take it has closed. */
static void talk(const char *address)
{
    int fd = thrum_connect_to(address, THRUM_FOREVER);
    char answer[5];
    int64_t n;

    if (!CHECK(fits(fd)) || fd < 0)
        return;
    n = thrum_write_all(fd, "hello", 5, THRUM_FOREVER);
    if (n == 0)
        n = thrum_read(fd, answer, sizeof(answer), THRUM_FOREVER);
    CHECK(fits(n) || n == -ECONNRESET || n == -EPIPE);
    CHECK_INT(thrum_close(fd), 0);
}

TEST(a_server_without_memory)
{
    FOR_EACH_FAILURE(n)
    {
        thrum_server *server = NULL;
        char address[32];
        int rc =
            thrum_stream_server_new("127.0.0.1:0", echo, NULL, NULL, &server);

        if (CHECK(fits(rc)) && rc == 0) {
            name_of(server, address, sizeof(address));
            talk(address);
            CHECK(fits(thrum_server_stop(server, THRUM_FOREVER)));
            thrum_server_free(server);
        }
        CHECK_INT(thrum_hub_close(THRUM_FOREVER), 0);
    }
}

TEST(a_poll_without_memory)
{
    FOR_EACH_FAILURE(n)
    {
        struct ends ends;
        struct pollfd fds[2];
        int rc;

        ends_pipe(&ends);
        fds[0] = (struct pollfd){ends.in, POLLIN, 0};
        fds[1] = (struct pollfd){ends.out, POLLIN, 0};
        rc = thrum_poll(fds, 2, thrum_in_ms(1));
        CHECK(rc == -ETIMEDOUT || rc == -ENOMEM);
        ends_close(&ends);
        CHECK_INT(thrum_hub_close(THRUM_FOREVER), 0);
    }
}

TEST(a_name_without_memory)
{
    FOR_EACH_FAILURE(n)
    {
        int fd = thrum_connect_to("localhost:1", THRUM_FOREVER);

        CHECK(fd == -ENOMEM || fd == -ECONNREFUSED);
        CHECK_INT(thrum_hub_close(THRUM_FOREVER), 0);
    }
}

struct reading {
    int fd;
    int64_t result;
};

static void *read_run(void *arg)
{
    struct reading *reading = arg;

    reading->result = thrum_read(reading->fd, &(char){0}, 1, THRUM_FOREVER);
    return NULL;
}

/* Others are told by an errand, which takes memory: without it nothing is
 * closed, and it can be tried again. */
TEST(S12_a_close_without_memory_does_nothing)
{
    FOR_EACH_FAILURE(n)
    {
        struct reading reading = {.result = 1};
        struct test_thread *thread;
        struct ends ends;
        int rc;

        faulty_alloc_fail_nth(0);
        ends_pair(&ends);
        reading.fd = ends.in;
        thread = spawn_thread(read_run, &reading);
        thread_await_sleep(thread);
        faulty_alloc_fail_nth(n);
        rc = thrum_close(ends.in);
        if (rc == -ENOMEM) {
            CHECK(fcntl(ends.in, F_GETFD) >= 0);
            rc = thrum_close(ends.in);
        }
        CHECK_INT(rc, 0);
        join_thread(thread);
        CHECK_INT(reading.result, -EBADF);
        ends.in = -1;
        ends_close(&ends);
    }
}

TEST_MAIN("net_faults")
