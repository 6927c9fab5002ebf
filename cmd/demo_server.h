/* SPDX-License-Identifier: MIT */
/*
 * cmd/demo_server.h - a local HTTP server that takes its time.
 *
 *     /item/N    a line of text, after the delay
 *     /bytes/N   N bytes, at once
 *     /status/N  an answer with that status, at once
 *     /redirect/N  N redirects, then an item
 *     /flaky/N   503 to the first N requests for this very path, then 200
 *     /hang      no answer
 *     /close     the connection is closed instead of an answer
 */
#ifndef THRUM_CMD_DEMO_SERVER_H
#define THRUM_CMD_DEMO_SERVER_H

#include <sys/types.h>

struct demo_server {
    pid_t pid;
    int port;
    int stdin_fd; /* closing it ends the server */
};

/* Starts one in a process of its own, on a free port of 127.0.0.1; before the
 * program has threads. 0, or -errno. */
int demo_server_start(int delay_ms, struct demo_server *ret);
void demo_server_stop(struct demo_server *server);

/* Is one, in this process: prints its port, serves until standard input ends.
 * Returns the exit status. */
int demo_server_main(int delay_ms);

#endif /* THRUM_CMD_DEMO_SERVER_H */
