/* SPDX-License-Identifier: MIT */
/*
 * thrum/server.h - servers: a greenlet for each connection or datagram.
 *
 *     static void echo(int fd, void *arg)
 *     {
 *         char text[512];
 *         int64_t n;
 *
 *         while ((n = thrum_read(fd, text, sizeof(text), thrum_in_s(30))) > 0)
 *             if (thrum_write_all(fd, text, n, thrum_in_s(30)) != 0)
 *                 break;
 *     }
 *
 *     rc = thrum_stream_server_new("127.0.0.1:7", echo, NULL, NULL, &server);
 *     ... thrum_sleep(), or whatever else waits ...
 *     rc = thrum_server_stop(server, thrum_in_s(10));
 *     thrum_server_free(server);
 *
 * A server belongs to the thread that made it, and its greenlets are of that
 * thread. For several threads each makes one, at the same address, with
 * `reuse_port`: the kernel shares the connections out.
 *
 * Addresses in text: see thrum/resolve.h.
 */
#ifndef THRUM_SERVER_H
#define THRUM_SERVER_H

#include <thrum/base.h>

struct sockaddr;

THRUM_BEGIN_DECLS

typedef struct thrum_server thrum_server; /* opaque, one owner */

typedef struct thrum_server_options {
    size_t size;       /* sizeof(thrum_server_options) */
    size_t limit;      /* handlers that run at a time; 0: 10000. Whoever comes
                        * beyond that waits in the kernel's queue */
    int backlog;       /* of that queue; 0: SOMAXCONN, as long as the system
                        * lets it be. Of what comes beyond it some is refused
                        * late, or seems to be connected and is not */
    size_t stack_size; /* of the handlers; 0: THRUM_STACK_SIZE or 64 KiB */
    bool reuse_port;   /* others may listen at the same address too */
    bool delay;        /* without TCP_NODELAY: small writes may wait */
    size_t datagram;   /* the longest datagram; 0: 65536 bytes */
} thrum_server_options;

/* clang-format off */
#define THRUM_SERVER_OPTIONS { sizeof(thrum_server_options), 0, 0, 0, false, false, 0 }
/* clang-format on */

/* Of a connection. The server closes the descriptor when it has returned. */
typedef void thrum_stream_fn(int fd, void *arg);

typedef struct thrum_datagram {
    int fd; /* the server's, to answer by thrum_sendto() */
    const void *data;
    size_t size;
    const struct sockaddr *from;
    unsigned from_length;
} thrum_datagram;

/* Of a datagram, which is valid until it returns. */
typedef void thrum_datagram_fn(const thrum_datagram *datagram, void *arg);

/* Listens at an address, and from then on serves whoever comes while the thread
 * waits. Of an address with several meanings the first that works is taken. A
 * path that a server left behind which is no more is used again.
 *
 * When the process has no descriptor left, it waits from 10 ms up to 1 s before
 * it accepts the next, and says so in the log.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     while the address is resolved, cancellable; lets others have a
 *             turn.
 * Ownership:  the options are copied, NULL is the defaults; `arg` is passed as
 *             it is. The caller owns the server.
 * Returns:    0; -EINVAL for options of another size, a wrong number or
 *             address; -EADDRINUSE, -EACCES and what else the system says; the
 *             codes of thrum_resolve(); -ENOMEM, THRUM_ESTACK. */
THRUM_API THRUM_MUST_USE int
thrum_stream_server_new(const char *address, thrum_stream_fn *fn, void *arg,
                        const thrum_server_options *options,
                        thrum_server **ret);
THRUM_API THRUM_MUST_USE int
thrum_datagram_server_new(const char *address, thrum_datagram_fn *fn, void *arg,
                          const thrum_server_options *options,
                          thrum_server **ret);

/* Stops it: nothing more is accepted, the address is free; waits for those that
 * are served, and kills at the deadline those that are left. Once more: does
 * nothing.
 *
 * Call from:  its thread, greenlets of other servers; not its own handlers.
 * Blocks:     to the deadline, and until those that were killed have ended.
 * Ownership:  borrows.
 * Returns:    0; -ETIMEDOUT when some had to be killed, -ECANCELED when they
 *             were since the caller is being cancelled; THRUM_ETHREAD from
 *             another thread; THRUM_ECONTEXT from a handler or callback. */
THRUM_API int thrum_server_stop(thrum_server *server, thrum_time deadline);

/* Frees a server that was stopped; one that was not is stopped without waiting
 * for those that are served.
 *
 * Call from:  as thrum_server_stop(); elsewhere it aborts the program.
 * Blocks:     until those that were killed have ended.
 * Ownership:  takes the server; NULL is allowed.
 * Returns:    nothing. */
THRUM_API void thrum_server_free(thrum_server *server);

/* The address that it listens at, as getsockname(2): with the port that the
 * system chose for port 0.
 *
 * Call from:  its thread.
 * Blocks:     no.
 * Ownership:  fills in the address; `*length` is its room before, its length
 *             after.
 * Returns:    0; -EBADF when it was stopped. */
THRUM_API THRUM_MUST_USE int thrum_server_address(const thrum_server *server,
                                                  struct sockaddr *address,
                                                  unsigned *length);

typedef struct thrum_server_counts {
    size_t size;    /* sizeof(thrum_server_counts) */
    size_t now;     /* connections or datagrams that are served */
    uint64_t total; /* and that were, all in all */
    uint64_t waits; /* times that it waited for descriptors or memory */
} thrum_server_counts;

/* What it does and has done.
 *
 * Call from:  its thread.
 * Blocks:     no.
 * Ownership:  fills in `counts`, whose size must be set.
 * Returns:    0; -EINVAL for a wrong size. */
THRUM_API THRUM_MUST_USE int thrum_server_stats(const thrum_server *server,
                                                thrum_server_counts *counts);

THRUM_AUTO_TYPE(thrum_server, thrum_server_free)

THRUM_END_DECLS

#endif /* THRUM_SERVER_H */
