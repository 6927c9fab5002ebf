/* SPDX-License-Identifier: MIT */
/*
 * net/load.c - asks an echo server, as cheaply as can be.
 *
 *     net-load PORT CONNECTIONS PID MILLISECONDS [REQUESTS]
 *
 * One request in flight on every connection: when its answer is there the next
 * is sent. After a warm-up it counts for so long, reads the CPU clock of the
 * server at both ends, and prints "cpu" (us for each request), "rate" (thousand
 * requests a second), "p50" and "p99" (us). For 0 milliseconds it asks once on
 * every connection, or until so many requests have been answered, prints "idle"
 * and how many there were, connecting's too, and keeps the connections until its
 * input ends.
 *
 * The server has a CPU of its own, and this should not be the slower one. So:
 * io_uring, one receive for the whole life of a connection, which takes buffers
 * from a ring that all share, and one send for each request, all sends of a
 * turn submitted in one call.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/ring.h"
#include "program.h"

#define MESSAGE  64
#define TOGETHER 100              /* connections that wait to be accepted */
#define WARM_NS  (BENCH_NANO / 5) /* and every connection has had its turn */

/* A latency's place: for each power of 2 so many steps. */
#define STEPS  32
#define PLACES (64 * STEPS)

/* That wait to be filled: for answers that end in one turn. */
#define BUFFERS 16384 /* a power of 2 */
#define GROUP   0

enum {
    LOAD_RECEIVE,
    LOAD_SEND
};

struct connection {
    int fd;
    int got;        /* of the answer */
    uint64_t asked; /* when */
};

static struct io_uring load_ring;
static struct io_uring_buf_ring *load_buffers;
static char (*load_room)[MESSAGE];
static const char load_message[MESSAGE];
static int load_given; /* buffers, in this turn, not told to the kernel yet */
static struct connection *load_all;
static long load_n;
static uint64_t load_time; /* of this turn */
static uint64_t load_answered;
static bool load_quiet; /* ask no more */
static uint32_t load_place[PLACES];

/* ---- latencies ---- */

static unsigned load_place_of(uint64_t ns)
{
    unsigned power = 63 - (unsigned)__builtin_clzll(ns | STEPS);
    unsigned shift = power - (unsigned)__builtin_ctz(STEPS);

    return shift * STEPS + (unsigned)(ns >> shift);
}

static double load_ns_of(unsigned place)
{
    unsigned shift = place < 2 * STEPS ? 0 : place / STEPS - 1;

    return (double)((uint64_t)(place - shift * STEPS) << shift);
}

static double load_percentile(double part)
{
    uint64_t all = 0, seen = 0;
    unsigned place = 0;

    for (unsigned i = 0; i < PLACES; i++)
        all += load_place[i];
    for (; place < PLACES - 1; place++) {
        seen += load_place[place];
        if ((double)seen >= part * (double)all)
            break;
    }
    return load_ns_of(place);
}

/* ---- buffers ---- */

static void load_give(unsigned id)
{
    io_uring_buf_ring_add(load_buffers, load_room[id], MESSAGE,
                          (unsigned short)id, io_uring_buf_ring_mask(BUFFERS),
                          load_given++);
}

static void load_tell(void)
{
    io_uring_buf_ring_advance(load_buffers, load_given);
    load_given = 0;
}

static void load_lay_out(void)
{
    struct io_uring_buf_reg how = {.ring_entries = BUFFERS, .bgid = GROUP};

    load_room = calloc(BUFFERS, sizeof *load_room);
    load_buffers =
        mmap(NULL, BUFFERS * sizeof(struct io_uring_buf),
             PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!load_room || load_buffers == MAP_FAILED)
        bench_die("no memory");
    how.ring_addr = (uintptr_t)load_buffers;
    if (io_uring_register_buf_ring(&load_ring, &how, 0) < 0)
        bench_die("no ring of buffers in this kernel");
    io_uring_buf_ring_init(load_buffers);
    for (unsigned i = 0; i < BUFFERS; i++)
        load_give(i);
    load_tell();
}

/* ---- requests ---- */

static void load_receive(struct connection *one)
{
    struct io_uring_sqe *sqe = ring_sqe(&load_ring);

    io_uring_prep_recv_multishot(sqe, one->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    ring_mark(sqe, one, LOAD_RECEIVE);
}

static void load_ask(struct connection *one)
{
    struct io_uring_sqe *sqe = ring_sqe(&load_ring);

    io_uring_prep_send(sqe, one->fd, load_message, MESSAGE, MSG_NOSIGNAL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    ring_mark(sqe, one, LOAD_SEND);
    one->asked = load_time;
}

static void load_took(struct connection *one, int got)
{
    one->got += got;
    if (one->got < MESSAGE)
        return;
    one->got = 0;
    load_place[load_place_of(load_time - one->asked)]++;
    load_answered++;
    if (!load_quiet)
        load_ask(one);
}

static void load_ended(const struct io_uring_cqe *cqe)
{
    struct connection *one = ring_whose(cqe);

    if (ring_kind(cqe) != LOAD_RECEIVE ||
        (cqe->res <= 0 && cqe->res != -ENOBUFS))
        bench_die("an answer");
    if (cqe->res > 0) {
        load_give(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
        load_took(one, cqe->res);
    }
    if (!(cqe->flags & IORING_CQE_F_MORE))
        load_receive(one);
}

static void load_turn(void)
{
    ring_wait(&load_ring);
    load_time = bench_now();
    ring_reap(&load_ring, load_ended);
    load_tell();
}

/* ---- connections ---- */

static void load_connect(struct connection *one, long port)
{
    struct sockaddr_in server = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct linger at_once = {.l_onoff = 1};

    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (one->fd < 0 ||
        connect(one->fd, (const void *)&server, sizeof server) < 0)
        bench_die("connect");
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(one->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    load_receive(one);
}

/* A request on every 100th: what waits to be accepted never overflows. */
static void load_connect_all(long port)
{
    load_all = calloc((size_t)load_n, sizeof *load_all);
    load_quiet = true;
    for (long i = 0; i < load_n; i++) {
        load_connect(&load_all[i], port);
        if (i % TOGETHER == 0) {
            uint64_t before = load_answered;
            load_ask(&load_all[i]);
            while (load_answered == before)
                load_turn();
        }
    }
}

static void load_ask_all(void)
{
    load_time = bench_now();
    for (long i = 0; i < load_n; i++)
        load_ask(&load_all[i]);
}

/* ---- what is measured ---- */

/* Of another process: its clock's number, see clock_getcpuclockid(3). */
static uint64_t load_cpu_of(pid_t pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used) < 0)
        bench_die("the server's clock");
    return (uint64_t)used.tv_sec * BENCH_NANO + (uint64_t)used.tv_nsec;
}

static void load_for(uint64_t ns, uint64_t least)
{
    uint64_t end = load_time + ns, goal = load_answered + least;

    while (load_time < end || load_answered < goal)
        load_turn();
}

static void load_measure(pid_t pid, uint64_t ns)
{
    load_quiet = false;
    load_ask_all();
    load_for(WARM_NS, (uint64_t)load_n);
    memset(load_place, 0, sizeof load_place);
    uint64_t begin = load_time, first = load_answered, cpu = load_cpu_of(pid);
    load_for(ns, 1);
    double n = (double)(load_answered - first);
    bench_say("cpu", (double)(load_cpu_of(pid) - cpu) / 1e3 / n);
    bench_say("rate", n / (double)(load_time - begin) * 1e6);
    bench_say("p50", load_percentile(0.5) / 1e3);
    bench_say("p99", load_percentile(0.99) / 1e3);
}

static void load_stay(uint64_t requests)
{
    uint64_t goal;

    load_quiet = false;
    load_ask_all();
    while (load_answered < requests)
        load_turn();
    load_quiet = true;
    goal = load_answered + (uint64_t)load_n; /* each has one in flight */
    while (load_answered < goal)
        load_turn();
    bench_say("idle", (double)load_answered);
    while (getchar() != EOF)
        ;
}

int main(int argc, char **argv)
{
    long number[5] = {0};

    for (int i = 1; (argc == 5 || argc == 6) && i < argc; i++)
        number[i - 1] = strtol(argv[i], NULL, 10);
    load_n = number[1];
    if (load_n <= 0) {
        fprintf(stderr,
                "usage: %s PORT CONNECTIONS PID MILLISECONDS "
                "[REQUESTS]\n",
                argv[0]);
        return 2;
    }
    ring_open(&load_ring);
    load_lay_out();
    load_connect_all(number[0]);
    if (number[3] > 0)
        load_measure((pid_t)number[2], (uint64_t)number[3] * 1000000);
    else
        load_stay((uint64_t)number[4]);
    return 0;
}
