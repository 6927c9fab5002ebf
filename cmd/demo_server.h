/* SPDX-License-Identifier: MIT */
/*
 * demo_server.h - a small HTTP server that takes its time.
 */
#ifndef DEMO_SERVER_H
#define DEMO_SERVER_H

#include <sys/types.h>

/* A server in a process of its own. */
struct demo_server {
    pid_t pid;
    int port;    /* on 127.0.0.1 */
    int control; /* its end is the server's end */
};

/* Starts one that answers after `delay_ms`. Call it before the program has
 * any thread. Returns 0 or -errno. */
int demo_server_start(struct demo_server *server, int delay_ms);
void demo_server_stop(struct demo_server *server);

/* In a process forked later: lets go of the server without ending it. */
void demo_server_forget(struct demo_server *server);

/* `thrum demo-server [DELAY_MS]`, for tests: prints the port, and serves until
 * the standard input ends. Returns an exit status. */
int demo_server_main(int argc, char **argv);

#endif /* DEMO_SERVER_H */
