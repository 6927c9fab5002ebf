/* SPDX-License-Identifier: MIT */
/*
 * process/floor_stream.c - workers behind two pipes each, or behind a socket
 * pair (SOCKETS): what the system's own means cost.
 *
 * A message is one write, an answer one read; no futures, no errors. Workers are
 * forks of the owner, and the kernel kills them when it ends. A worker that has
 * died is noticed by the end of its pipe, and reaped.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/harness.h"

#define PIPE_SIZE (1 << 20)
#ifdef SOCKETS
# define WINDOW 200 /* what the kernel takes of so small messages */
#else
# define WINDOW 1024
#endif
#define BATCH BENCH_CHUNK

enum op {
    OP_WORK,
    OP_BATCH,
    OP_BIG,
    OP_CRASH,
    OP_HANG
};

/* The message with what is to be done, in a field that it does not use. */
static enum op op_of(const struct bench_message *message)
{
    return (enum op)message->unused[0];
}

struct worker {
    int pid;
    int in;  /* the owner's end of what it reads */
    int out; /* and of what it writes */
    long under_way;
};

static struct worker workers[BENCH_WORKERS];
static int worker_count;
static unsigned turn;   /* whose is the next message */
static unsigned source; /* whose answers are read */
static long credit;     /* how many more of them */

/* ---- bytes ---- */

static void stream_write(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t n = write(fd, at, size);

        bench_want(n > 0, "write");
        at += n;
        size -= (size_t)n;
    }
}

/* False at its end. */
static bool stream_read(int fd, void *data, size_t size)
{
    char *at = data;

    while (size > 0) {
        ssize_t n = read(fd, at, size);

        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* ---- a worker ---- */

static void worker_batch(int in, int out, struct bench_message *message)
{
    struct bench_message rest[BATCH];

    rest[0] = *message;
    if (!stream_read(in, rest + 1, sizeof rest - sizeof *rest))
        _exit(0);
    for (int i = 0; i < BATCH; i++)
        bench_work(&rest[i]);
    stream_write(out, rest, sizeof rest);
}

static void worker_do(int in, int out, struct bench_message *message)
{
    static char big[BENCH_BIG];

    switch (op_of(message)) {
    case OP_WORK:
        bench_work(message);
        stream_write(out, message, sizeof *message);
        break;
    case OP_BATCH:
        worker_batch(in, out, message);
        break;
    case OP_BIG:
        bench_fill(big);
        stream_write(out, big, sizeof big);
        break;
    case OP_CRASH:
        bench_crash(message);
    case OP_HANG:
        bench_hang(message);
    }
}

static _Noreturn void worker_run(int in, int out)
{
    struct bench_message message;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (stream_read(in, &message, sizeof message))
        worker_do(in, out, &message);
    _exit(0);
}

/* ---- the owner ---- */

#ifdef SOCKETS
static void worker_connect(int to[2], int from[2])
{
    int pair[2], size = PIPE_SIZE;

    bench_want(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
               "socketpair");
    for (int i = 0; i < 2; i++)
        setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    to[0] = pair[0];
    to[1] = pair[1];
    from[0] = fcntl(pair[1], F_DUPFD_CLOEXEC, 0);
    from[1] = fcntl(pair[0], F_DUPFD_CLOEXEC, 0);
}
#else
static void worker_connect(int to[2], int from[2])
{
    bench_want(!pipe2(to, O_CLOEXEC) && !pipe2(from, O_CLOEXEC), "pipe2");
    fcntl(to[1], F_SETPIPE_SZ, PIPE_SIZE);
    fcntl(from[1], F_SETPIPE_SZ, PIPE_SIZE);
}
#endif

static void worker_start(struct worker *worker)
{
    int to[2], from[2];

    worker_connect(to, from);
    worker->under_way = 0;
    worker->pid = fork();
    bench_want(worker->pid >= 0, "fork");
    if (worker->pid == 0) {
        close(to[1]);
        close(from[0]);
        for (int i = 0; i < worker_count; i++)
            if (&workers[i] != worker) {
                close(workers[i].in);
                close(workers[i].out);
            }
        worker_run(to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    worker->in = to[1];
    worker->out = from[0];
}

/* Waits for its end. */
static void worker_reap(struct worker *worker)
{
    char byte;

    bench_want(read(worker->out, &byte, 1) <= 0, "an answer of the dead");
    waitpid(worker->pid, NULL, 0);
    close(worker->in);
    close(worker->out);
}

static void floor_start(int n)
{
    signal(SIGPIPE, SIG_IGN);
    for (worker_count = 0; worker_count < n; worker_count++)
        worker_start(&workers[worker_count]);
}

static void floor_stop(void)
{
    for (int i = 0; i < worker_count; i++) {
        kill(workers[i].pid, SIGKILL);
        worker_reap(&workers[i]);
    }
    worker_count = 0;
}

static struct worker *floor_ask(const struct bench_message *message, enum op op)
{
    struct worker *worker = &workers[turn++ % (unsigned)worker_count];
    struct bench_message copy = *message;

    copy.unused[0] = op;
    stream_write(worker->in, &copy, sizeof copy);
    worker->under_way++;
    return worker;
}

static void floor_send(const struct bench_message *message)
{
    floor_ask(message, OP_WORK);
}

/* Finds a worker that has answered; half of what it was asked is then read
 * without asking the system again. */
static void floor_await(void)
{
    struct pollfd pollers[BENCH_WORKERS];

    for (int i = 0; i < worker_count; i++)
        pollers[i] = (struct pollfd){workers[i].out, POLLIN, 0};
    bench_want(poll(pollers, (nfds_t)worker_count, -1) > 0, "poll");
    do
        source = (source + 1) % (unsigned)worker_count;
    while (!(pollers[source].revents & POLLIN));
    credit = workers[source].under_way / 2;
    credit = credit > 0 ? credit : 1;
}

static void floor_receive(struct bench_message *ret)
{
    if (credit == 0)
        floor_await();
    bench_want(stream_read(workers[source].out, ret, sizeof *ret), "read");
    workers[source].under_way--;
    credit--;
}

static void floor_big(long n)
{
    static char big[BENCH_BIG];
    const struct bench_message message = {0};
    long sent = 0;

    for (long got = 0; got < n; got++) {
        for (; sent < n && sent - got < 2 * worker_count; sent++)
            floor_ask(&message, OP_BIG);
        source = (unsigned)got % (unsigned)worker_count;
        bench_want(stream_read(workers[source].out, big, sizeof big), "read");
        bench_look(big);
    }
    turn = 0;
}

static uint64_t floor_map(struct bench_message *messages, long n)
{
    struct bench_message batch[BATCH];
    uint64_t sum = 0;
    long sent = 0;

    for (long got = 0; got < n; got += BATCH) {
        for (; sent < n && sent - got < 8 * BATCH; sent += BATCH) {
            messages[sent].unused[0] = OP_BATCH;
            stream_write(workers[sent / BATCH % worker_count].in,
                         &messages[sent], sizeof batch);
        }
        bench_want(stream_read(workers[got / BATCH % worker_count].out, batch,
                               sizeof batch),
                   "read");
        for (int i = 0; i < BATCH; i++)
            sum += batch[i].value;
    }
    return sum;
}

/* ---- deaths ---- */

static void floor_crash(const struct bench_message *message)
{
    struct worker *worker = floor_ask(message, OP_CRASH);

    worker_reap(worker);
    worker_start(worker);
}

static struct worker *hanging;

static void floor_hang(const struct bench_message *message)
{
    if (hanging != NULL && hanging->pid == 0)
        worker_start(hanging);
    hanging = floor_ask(message, OP_HANG);
}

static void floor_kill(void)
{
    kill(hanging->pid, SIGKILL);
    worker_reap(hanging);
    hanging->pid = 0;
}

static void floor_pids(int *ret)
{
    for (int i = 0; i < worker_count; i++)
        ret[i] = workers[i].pid;
}

const struct bench_peer bench_peer = {
    .start = floor_start,
    .stop = floor_stop,
    .send = floor_send,
    .receive = floor_receive,
    .window = WINDOW,
    .big = floor_big,
    .map = floor_map,
    .crash = floor_crash,
    .hang = floor_hang,
    .kill = floor_kill,
    .pids = floor_pids,
};
