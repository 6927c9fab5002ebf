/* SPDX-License-Identifier: MIT */
/*
 * monkey/client_multi.c - libcurl's multi interface: callbacks on epoll.
 *
 * curl_multi_socket_action() as libcurl wants it where there are many: it says
 * which sockets it waits for and until when, and is told what has come.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "monkey/request.h"
#include "net/harness.h"

#define EVENTS  512
#define MILLI   (BENCH_NANO / 1000)
#define FOREVER UINT64_MAX

static CURLM *client_multi;
static int client_epoll;
static uint64_t client_due; /* when libcurl wants to be called */

/* ---- what libcurl asks for ---- */

/* What is known of a socket is that it is watched. */
static int client_watch(CURL *curl, curl_socket_t fd, int what, void *arg,
                        void *known)
{
    static char watched;
    struct epoll_event event = {.data.fd = fd};
    int how = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    if (what == CURL_POLL_REMOVE)
        how = EPOLL_CTL_DEL;
    else
        curl_multi_assign(client_multi, fd, &watched);
    if (epoll_ctl(client_epoll, how, fd, &event) < 0)
        bench_die("epoll_ctl");
    return 0;
}

static int client_set_timer(CURLM *multi, long ms, void *arg)
{
    client_due = ms < 0 ? FOREVER : bench_now() + (uint64_t)(ms * MILLI);
    return 0;
}

/* ---- what it is told ---- */

static void client_act(curl_socket_t fd, uint32_t events)
{
    int what = 0, running;

    if (events & EPOLLIN)
        what |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP))
        what |= CURL_CSELECT_ERR;
    if (curl_multi_socket_action(client_multi, fd, what, &running) != CURLM_OK)
        bench_die("curl_multi_socket_action");
}

/* Rounded up: not before it is due. */
static int client_left_ms(void)
{
    uint64_t now = bench_now();

    if (client_due == FOREVER)
        return -1;
    return client_due <= now ? 0
                             : (int)((client_due - now + MILLI - 1) / MILLI);
}

static void client_turn(void)
{
    struct epoll_event event[EVENTS];
    int n = epoll_wait(client_epoll, event, EVENTS, client_left_ms());

    for (int i = 0; i < n; i++)
        client_act(event[i].data.fd, event[i].events);
    if (client_due <= bench_now()) {
        client_due = FOREVER;
        client_act(CURL_SOCKET_TIMEOUT, 0);
    }
}

/* Returns how many are over. */
static long client_collect(void)
{
    struct CURLMsg *message;
    long n = 0;
    int left;

    for (; (message = curl_multi_info_read(client_multi, &left)); n++) {
        CURL *curl = message->easy_handle;
        CURLcode code = message->data.result;
        struct request *request;

        curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&request);
        curl_multi_remove_handle(client_multi, curl);
        request_check(request, code);
    }
    return n;
}

/* ---- all of it ---- */

static void client_begin(void)
{
    request_begin();
    client_due = FOREVER;
    client_epoll = epoll_create1(EPOLL_CLOEXEC);
    client_multi = curl_multi_init();
    if (client_epoll < 0 || !client_multi)
        bench_die("curl_multi_init");
    curl_multi_setopt(client_multi, CURLMOPT_SOCKETFUNCTION, client_watch);
    curl_multi_setopt(client_multi, CURLMOPT_TIMERFUNCTION, client_set_timer);
}

static void client_curl(long n)
{
    struct request *all = malloc((size_t)n * sizeof *all);

    client_begin();
    for (long i = 0; i < n; i++) {
        request_init(&all[i]);
        if (curl_multi_add_handle(client_multi, all[i].curl) != CURLM_OK)
            bench_die("curl_multi_add_handle");
    }
    while (n > 0) {
        client_turn();
        n -= client_collect();
    }
    curl_multi_cleanup(client_multi);
    close(client_epoll);
    free(all);
}

const struct bench_peer bench_peer = {
    .curl = client_curl,
};
