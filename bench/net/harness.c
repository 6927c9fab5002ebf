/* SPDX-License-Identifier: MIT */
/*
 * net/harness.c - runs one workload of the net suite on one peer.
 */
#include "net/harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/http.h"

#define SPAN_NS  (BENCH_NANO / 5)
#define WARM     100     /* connections before those that are measured */
#define LEAST    1000    /* reads, timers or calls at once */
#define LIVE     1000000 /* timers */
#define SOON_MS  100000
#define RANGE_MS 60000

static uint64_t harness_pages; /* of the file */

/* ---- for the peers ---- */

uint64_t bench_random(void)
{
    static uint64_t state = 88172645463325252ULL;

    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

uint64_t bench_due_ms(void)
{
    return SOON_MS + bench_random() % RANGE_MS;
}

off_t bench_place(void)
{
    return (off_t)(bench_random() % harness_pages * BENCH_PAGE);
}

static struct sockaddr_in harness_loopback(long port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static const char *harness_setting(const char *name)
{
    const char *value = getenv(name);

    if (!value)
        bench_die("drive.py sets what this needs");
    return value;
}

struct sockaddr_in bench_server(void)
{
    return harness_loopback(strtol(harness_setting("BENCH_PORT"), NULL, 10));
}

void bench_say_port(const struct sockaddr_in *address)
{
    printf("port %d\n", ntohs(address->sin_port));
    fflush(stdout);
}

int bench_listen(int type)
{
    struct sockaddr_in address = harness_loopback(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
        listen(fd, BENCH_WAITING) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        bench_die("listen");
    bench_say_port(&address);
    return fd;
}

void bench_nodelay(int fd)
{
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

void bench_reset(int fd)
{
    struct linger at_once = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* ---- the workloads ---- */

static struct bench_bytes harness_echo(const char *data, size_t size)
{
    return (struct bench_bytes){data, size};
}

static bool harness_serve(bench_answer *answer)
{
    if (!bench_peer.serve)
        return false;
    bench_peer.serve(answer);
    return true;
}

static bool run_echo(void)
{
    return harness_serve(harness_echo);
}

static bool run_http(void)
{
    return harness_serve(http_answer);
}

static bool harness_fanout(bench_run *run, long n)
{
    if (!run)
        return false;
    run(WARM);
    uint64_t begin = bench_now(), used = bench_cpu();
    run(n);
    bench_say("cpu", (double)(bench_cpu() - used) / 1e3 / (double)n);
    bench_say("time", (double)(bench_now() - begin) / 1e6);
    return true;
}

static bool run_fanout1000(void)
{
    return harness_fanout(bench_peer.fanout, bench_scaled(1000));
}

static bool run_fanout10000(void)
{
    return harness_fanout(bench_peer.fanout, bench_scaled(10000));
}

static bool run_curl1000(void)
{
    return harness_fanout(bench_peer.curl, bench_scaled(1000));
}

static bool run_curl10000(void)
{
    return harness_fanout(bench_peer.curl, bench_scaled(10000));
}

static bool run_timers(void)
{
    if (!bench_peer.timers)
        return false;
    bench_say_time(bench_peer.timers(bench_scaled(LIVE)), LEAST);
    return true;
}

static bool harness_calls(bench_run *run)
{
    if (!run)
        return false;
    bench_say_time(run, LEAST);
    return true;
}

static bool run_outside(void)
{
    return harness_calls(bench_peer.outside);
}

static bool run_hub(void)
{
    return harness_calls(bench_peer.hub);
}

/* What is measured is CPU time, of whatever threads. */
static void harness_say_reads(bench_run *run)
{
    uint64_t used, begin = bench_now();
    long n = 0;

    run(LEAST);
    for (used = bench_cpu(); bench_now() - begin < SPAN_NS; n += LEAST)
        run(LEAST);
    bench_say("cpu", (double)(bench_cpu() - used) / 1e3 / (double)n);
}

static bool run_file(void)
{
    struct stat known;

    if (!bench_peer.file)
        return false;
    int fd = open(harness_setting("BENCH_FILE"), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &known) < 0 || known.st_size < BENCH_PAGE)
        bench_die("the file");
    harness_pages = (uint64_t)known.st_size / BENCH_PAGE;
    harness_say_reads(bench_peer.file(fd));
    return true;
}

static const struct bench_workload workloads[] = {
    {"echo", run_echo},
    {"http", run_http},
    {"fanout1000", run_fanout1000},
    {"fanout10000", run_fanout10000},
    {"curl1000", run_curl1000},
    {"curl10000", run_curl10000},
    {"timers", run_timers},
    {"file", run_file},
    {"outside", run_outside},
    {"hub", run_hub},
};

int main(int argc, char **argv)
{
    const struct bench_workload *chosen = bench_chosen(
        argc, argv, workloads, sizeof workloads / sizeof workloads[0]);

    if (!chosen)
        return 2;
    _exit(chosen->run() ? 0 : BENCH_NOT_RUN);
}
