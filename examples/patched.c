/* SPDX-License-Identifier: MIT */
/*
 * patched.c - the same function on threads, in processes and on greenlets.
 *
 * It asks a server, with the plain calls of any C program, and blocks until the
 * answer is there. The server, greenlets of a thread of its own, lets all wait
 * until as many have come as there are to be at once.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thrum/monkey.h>

#include "check.h"

#define QUESTIONS 200

/* ---- the server ---- */

static int inside; /* the server's own */
static atomic_int most;
static atomic_int expected;
static thrum_event full = THRUM_EVENT_INIT; /* as many as may are inside */

static void *answer(void *arg)
{
    int fd = *(int *)arg;
    int number = 0;

    if (thrum_read(fd, &number, sizeof(number), THRUM_FOREVER) > 0) {
        if (++inside > most)
            most = inside;
        if (inside == expected)
            thrum_event_set(&full);
        CHECK(thrum_event_wait(&full, THRUM_FOREVER));
        inside--;
        number *= 2;
        CHECK(thrum_write(fd, &number, sizeof(number), THRUM_FOREVER));
    }
    CHECK(thrum_close(fd));
    return NULL;
}

static void *serve(void *arg)
{
    int listener = *(int *)arg;
    int fd = thrum_accept(listener, NULL, NULL, THRUM_FOREVER);

    for (; fd >= 0; fd = thrum_accept(listener, NULL, NULL, THRUM_FOREVER))
        CHECK(thrum_spawn(answer, &fd, sizeof(fd), NULL));
    return NULL;
}

static int port_of(int listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, length) != 0 ||
        listen(listener, QUESTIONS) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return -1;
    return ntohs(address.sin_port);
}

static thrum_executor *start(int *listener, thrum_future **server)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
    thrum_executor *pool;

    options.threads = 1;
    CHECK(thrum_green_pool_new(&options, &pool));
    CHECK(thrum_executor_submit(pool, serve, listener, sizeof(*listener),
                                server));
    return pool;
}

/* ---- who asks ---- */

/* doc: ask */
struct question {
    int port;
    int number;
};

/* There is nothing of Thrum in it. */
static int ask_server(const struct question *question)
{
    struct sockaddr_in server = {.sin_family = AF_INET};
    int answered = -1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    server.sin_port = htons((unsigned short)question->port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&server, sizeof(server)) != 0 ||
        write(fd, &question->number, sizeof(int)) != sizeof(int) ||
        read(fd, &answered, sizeof(int)) != sizeof(int))
        answered = -1;
    close(fd);
    return answered;
}

/* The task. */
static void *ask(void *question)
{
    int answered = ask_server(question);

    return thrum_return(&answered, sizeof(answered));
}
/* doc: end */

/* doc: all */
static int ask_all(thrum_executor *pool, int port)
{
    thrum_future *futures[QUESTIONS];
    int sum = 0;

    for (int i = 0; i < QUESTIONS; i++) {
        struct question question = {port, i};

        CHECK(thrum_executor_submit(pool, ask, &question, sizeof(question),
                                    &futures[i]));
    }
    for (int i = 0; i < QUESTIONS; i++) {
        void *answered;

        CHECK(thrum_future_result(futures[i], THRUM_FOREVER, &answered));
        sum += *(int *)answered;
        thrum_future_unref(futures[i]);
    }
    return sum;
}
/* doc: end */

static void run(const char *name, thrum_executor *pool, int at_once, int port)
{
    int sum;

    expected = at_once;
    most = 0;
    thrum_event_clear(&full);
    sum = ask_all(pool, port);
    printf("%s: %d at once, sum %d\n", name, most, sum);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
}

/* ---- the line that changes ---- */

static thrum_executor *threads(int n)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool;

    options.max_workers = n;
    CHECK(thrum_thread_pool_new(&options, &pool));
    return pool;
}

static thrum_executor *processes(int n)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;

    options.max_workers = n;
    CHECK(thrum_process_pool_new(&options, &pool));
    return pool;
}

/* doc: green */
static thrum_executor *greenlets(int n)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
    thrum_executor *pool;

    CHECK(thrum_monkey_patch_all());
    options.limit = n;
    CHECK(thrum_green_pool_new(&options, &pool));
    return pool;
}
/* doc: end */

int main(void)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port = port_of(listener);
    thrum_future *server;
    thrum_executor *pool = start(&listener, &server);

    /* doc: run */
    run("threads", threads(4), 4, port);
    run("processes", processes(2), 2, port);
    run("greenlets", greenlets(QUESTIONS), QUESTIONS, port);
    /* doc: end */
    CHECK(thrum_future_kill(server, THRUM_FOREVER));
    thrum_future_unref(server);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    close(listener);
    return 0;
}
