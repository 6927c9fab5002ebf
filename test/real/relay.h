/* SPDX-License-Identifier: MIT */
/*
 * test/real/relay.h - stands between a client and its server.
 *
 * It hands on what they say, and counts what the server said. Its tasks are an
 * executor's. If they are greenlets of the client's own thread, no answer is
 * there before the client has given its thread away: who waits for one must
 * switch, and one that blocked would do so for ever.
 */
#ifndef TEST_RELAY_H
#define TEST_RELAY_H

#include <stdatomic.h>

#include <thrum.h>

struct relay {
    thrum_executor *executor;
    int server_port; /* on loopback */
    atomic_ulong answers;
    int port; /* on loopback, where it is called */
    int listeners[2];
};

/* Begins to listen on a port and at a path; executor and server are set. */
void relay_start(struct relay *relay, const char *path);
/* Listens no more. Its tasks end when their connections do. */
void relay_stop(struct relay *relay);

#endif /* TEST_RELAY_H */
