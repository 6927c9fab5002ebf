/* SPDX-License-Identifier: MIT */
/*
 * cmd/demo_server.c - a local HTTP server that takes its time.
 *
 * GNU libmicrohttpd serves, with one thread and epoll. A request that is to
 * wait is suspended and put at the end of a queue: all wait equally long, so
 * the queue is in the order in which they are due. The main thread sleeps until
 * the first is due, and resumes it.
 *
 * The process ends when its standard input does. The demo holds the other end,
 * so the server cannot outlive it, whatever ends it.
 */
#include "demo_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVER_FLAKY 64 /* paths of that kind that are remembered */

/* A request that waits, also the request's own mark once it has waited. */
struct server_request {
    struct server_request *next;
    struct MHD_Connection *connection;
    int64_t due; /* ms of CLOCK_MONOTONIC; INT64_MAX: never */
};

struct server {
    struct MHD_Daemon *daemon;
    int delay_ms;
    int wake[2]; /* a pipe: the queue was empty and is not any more */
    pthread_mutex_t lock;
    /* guarded by lock: */
    struct server_request *first;
    struct server_request **last;
};

static int64_t server_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- answers ---- */

static enum MHD_Result server_answer(struct MHD_Connection *connection,
                                     unsigned status, size_t size, char *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result result;

    if (response == NULL) {
        free(body);
        return MHD_NO;
    }
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result server_say(struct MHD_Connection *connection,
                                  unsigned status, const char *path)
{
    char *body = NULL;
    int size = asprintf(&body, "%u %s\n", status, path);

    return size < 0 ? MHD_NO
                    : server_answer(connection, status, (size_t)size, body);
}

static enum MHD_Result server_bytes(struct MHD_Connection *connection,
                                    unsigned long n)
{
    char *body = malloc(n + 1);

    if (body == NULL)
        return MHD_NO;
    memset(body, 'x', n);
    return server_answer(connection, MHD_HTTP_OK, n, body);
}

static enum MHD_Result server_redirect(struct MHD_Connection *connection,
                                       unsigned long n)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    char target[64];
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO;
    snprintf(target, sizeof(target), n > 1 ? "/redirect/%lu" : "/item/%lu",
             n > 1 ? n - 1 : 0);
    MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, target);
    result = MHD_queue_response(connection, MHD_HTTP_FOUND, response);
    MHD_destroy_response(response);
    return result;
}

/* How often this path was asked for before. Only the daemon's thread asks. */
static unsigned long server_asked_before(const char *path)
{
    static struct {
        char *path;
        unsigned long count;
    } asked[SERVER_FLAKY];

    for (size_t i = 0; i < SERVER_FLAKY; i++) {
        if (asked[i].path == NULL)
            asked[i].path = strdup(path);
        if (asked[i].path != NULL && strcmp(asked[i].path, path) == 0)
            return asked[i].count++;
    }
    return 0;
}

/* The number behind the prefix: true if the path is one of that kind. */
static bool server_path(const char *path, const char *prefix,
                        unsigned long *ret)
{
    size_t length = strlen(prefix);

    if (strncmp(path, prefix, length) != 0)
        return false;
    *ret = strtoul(path + length, NULL, 10);
    return true;
}

/* What is answered at once; an item's turn comes here after its wait. */
static enum MHD_Result server_route(struct MHD_Connection *connection,
                                    const char *path)
{
    unsigned long n = 0;

    if (server_path(path, "/bytes/", &n) && n <= 1ul << 30)
        return server_bytes(connection, n);
    if (server_path(path, "/status/", &n) && n >= 200 && n <= 599)
        return server_say(connection, (unsigned)n, path);
    if (server_path(path, "/redirect/", &n))
        return server_redirect(connection, n);
    if (server_path(path, "/flaky/", &n))
        return server_say(connection,
                          server_asked_before(path) < n
                              ? MHD_HTTP_SERVICE_UNAVAILABLE
                              : MHD_HTTP_OK,
                          path);
    if (server_path(path, "/item/", &n))
        return server_say(connection, MHD_HTTP_OK, path);
    if (strcmp(path, "/close") == 0)
        return MHD_NO;
    return server_say(connection, MHD_HTTP_NOT_FOUND, path);
}

/* ---- waiting ---- */

static void server_suspend(struct server *server,
                           struct server_request *request, bool for_ever)
{
    bool was_empty;

    request->due = for_ever ? INT64_MAX : server_now() + server->delay_ms;
    MHD_suspend_connection(request->connection);
    if (for_ever)
        return;
    pthread_mutex_lock(&server->lock);
    was_empty = server->first == NULL;
    request->next = NULL;
    *server->last = request;
    server->last = &request->next;
    pthread_mutex_unlock(&server->lock);
    if (was_empty && write(server->wake[1], "", 1) < 0)
        perror("thrum demo server");
}

/* Resumes what is due; ms until the next is, -1: there is none. */
static int server_resume_due(struct server *server)
{
    struct server_request *request;
    int64_t wait = -1;

    pthread_mutex_lock(&server->lock);
    while ((request = server->first) != NULL) {
        wait = request->due - server_now();
        if (wait > 0)
            break;
        server->first = request->next;
        if (server->first == NULL)
            server->last = &server->first;
        MHD_resume_connection(request->connection);
        wait = -1;
    }
    pthread_mutex_unlock(&server->lock);
    return (int)wait;
}

/* Called again and again for a request: with its head, when it was resumed. */
static enum MHD_Result server_handle(void *arg,
                                     struct MHD_Connection *connection,
                                     const char *path, const char *method,
                                     const char *version, const char *data,
                                     size_t *data_size, void **mark)
{
    struct server *server = arg;
    struct server_request *request = *mark;
    bool for_ever = strcmp(path, "/hang") == 0;

    (void)method;
    (void)version;
    (void)data;
    (void)data_size;
    if (request != NULL)
        return server_route(connection, path);
    request = calloc(1, sizeof(*request));
    if (request == NULL)
        return MHD_NO;
    request->connection = connection;
    *mark = request;
    if (for_ever || strncmp(path, "/item/", 6) == 0) {
        server_suspend(server, request, for_ever);
        return MHD_YES;
    }
    return server_route(connection, path);
}

static void server_completed(void *arg, struct MHD_Connection *connection,
                             void **mark, enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)connection;
    (void)code;
    free(*mark);
    *mark = NULL;
}

/* ---- the process ---- */

/* As many descriptors as may be had; the number of connections follows. */
static unsigned server_raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 500;
    limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 100 ? (unsigned)limit.rlim_cur - 50 : 50;
}

static int server_open(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const union MHD_DaemonInfo *info;
    unsigned connections = server_raise_limit();

    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, server_handle, server, MHD_OPTION_SOCK_ADDR,
        (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, 4096u, MHD_OPTION_NOTIFY_COMPLETED,
        server_completed, NULL, MHD_OPTION_END);
    if (server->daemon == NULL)
        return -1;
    info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info == NULL ? -1 : info->port;
}

/* Sleeps and resumes until standard input ends. */
static void server_loop(struct server *server)
{
    struct pollfd polled[2] = {{STDIN_FILENO, POLLIN, 0},
                               {server->wake[0], POLLIN, 0}};
    char buffer[64];

    for (;;) {
        if (poll(polled, 2, server_resume_due(server)) < 0 && errno != EINTR)
            return;
        if (polled[0].revents != 0 &&
            read(STDIN_FILENO, buffer, sizeof(buffer)) <= 0)
            return;
        if (polled[1].revents != 0 &&
            read(server->wake[0], buffer, sizeof(buffer)) < 0)
            return;
    }
}

int demo_server_main(int delay_ms)
{
    static struct server server = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    int port;

    sigaction(SIGINT, &ignore, NULL); /* Ctrl-C is for the one who fetches */
    sigaction(SIGPIPE, &ignore, NULL);
    server.delay_ms = delay_ms;
    server.last = &server.first;
    port = pipe(server.wake) < 0 ? -1 : server_open(&server);
    if (port < 0) {
        fprintf(stderr, "thrum: the demo's server cannot start: %s\n",
                strerror(errno));
        return 1;
    }
    printf("%d\n", port);
    fflush(stdout);
    server_loop(&server);
    /* connections that hang would be waited for: the process just ends */
    _exit(0);
}

/* In the child: standard input and output are the pipes. */
static void server_child(int delay_ms, const int in[2], const int out[2])
{
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    close(in[0]);
    close(in[1]);
    close(out[0]);
    close(out[1]);
    _exit(demo_server_main(delay_ms));
}

static int server_read_port(int fd)
{
    char text[16] = "";
    ssize_t n = read(fd, text, sizeof(text) - 1);

    close(fd);
    return n > 0 ? (int)strtol(text, NULL, 10) : 0;
}

int demo_server_start(int delay_ms, struct demo_server *ret)
{
    int in[2];
    int out[2];

    if (pipe2(in, O_CLOEXEC) < 0)
        return -errno;
    if (pipe2(out, O_CLOEXEC) < 0) {
        int rc = -errno;

        close(in[0]);
        close(in[1]);
        return rc;
    }
    ret->pid = fork();
    if (ret->pid == 0)
        server_child(delay_ms, in, out);
    close(in[0]);
    close(out[1]);
    ret->stdin_fd = in[1];
    ret->port = ret->pid < 0 ? 0 : server_read_port(out[0]);
    if (ret->port > 0)
        return 0;
    close(in[1]);
    if (ret->pid > 0)
        waitpid(ret->pid, NULL, 0);
    return -ECHILD;
}

void demo_server_stop(struct demo_server *server)
{
    close(server->stdin_fd);
    waitpid(server->pid, NULL, 0);
}
