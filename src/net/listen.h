/* SPDX-License-Identifier: MIT */
/*
 * net/listen.h - a socket that is bound to an address in text.
 */
#ifndef THRUMI_NET_LISTEN_H
#define THRUMI_NET_LISTEN_H

#include <thrum/server.h>

/* How it is to be: of a stream it listens. */
struct thrumi_listen {
    int type; /* SOCK_STREAM, SOCK_DGRAM */
    int backlog;
    bool reuse_port;
    bool delay;
};

/* The descriptor, which has O_NONBLOCK, or a code. `*ret_path`: NULL, or the
 * path to be unlinked when it is closed; for thrumi_free(). */
int thrumi_listen_at(const char *text, const struct thrumi_listen *how,
                     thrum_time deadline, char **ret_path);

#endif /* THRUMI_NET_LISTEN_H */
