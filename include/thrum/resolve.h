/* SPDX-License-Identifier: MIT */
/*
 * thrum/resolve.h - names of hosts: their addresses, and connections to them.
 *
 *     int fd = thrum_connect_to("www.example.org:80", thrum_in_s(10));
 *
 * Names are asked for by getaddrinfo(), in a thread of the pool that
 * thrum_offload() uses, so that no hub is held up; a host that is given in
 * numbers needs none.
 *
 * Where a name has several addresses they are tried as RFC 8305 ("happy
 * eyeballs") says: those of IPv6 and IPv4 by turns, the next as soon as one has
 * failed or has not answered for 250 ms, and the first to answer is it.
 *
 * An address in text is one of
 *
 *     host:port   [::1]:port   :port or *:port, every address of this machine
 *     /path, unix:path   @name, of the abstract namespace
 *
 * struct addrinfo is the system's, from <netdb.h>.
 */
#ifndef THRUM_RESOLVE_H
#define THRUM_RESOLVE_H

#include <thrum/base.h>

struct addrinfo;

THRUM_BEGIN_DECLS

/* Resolves a name, as getaddrinfo() does.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     to the deadline, or until there is an answer; cancellable. What
 *             was asked goes on, and its answer is dropped.
 * Ownership:  borrows the names and the hints; each may be NULL. The list is
 *             the caller's, for freeaddrinfo().
 * Returns:    0 and at least one address; -ENOENT: there is no such name;
 *             -EAGAIN: who should know does not answer now; -EAFNOSUPPORT,
 *             -EINVAL: such is not to be had, or asked for; -EIO for good
 *             failures; -ENOMEM; of the wait -ETIMEDOUT, -ECANCELED,
 *             THRUM_ECONTEXT. */
THRUM_API THRUM_MUST_USE int thrum_resolve(const char *host,
                                           const char *service,
                                           const struct addrinfo *hints,
                                           thrum_time deadline,
                                           struct addrinfo **ret);

/* Connects to the first of these addresses that answers.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until one is connected or all have failed; cancellable.
 * Ownership:  borrows the list; the descriptor is the caller's, close-on-exec.
 * Returns:    the descriptor; the code of the last one that failed; -EINVAL for
 *             an empty list; -ENOMEM; of the wait -ETIMEDOUT, -ECANCELED,
 *             -EDEADLK, THRUM_ECONTEXT. */
THRUM_API THRUM_MUST_USE int thrum_connect_any(const struct addrinfo *list,
                                               thrum_time deadline);

/* Connects a stream to an address in text.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     as thrum_resolve() and thrum_connect_any(), both to the deadline.
 * Ownership:  borrows the text; the descriptor is the caller's, close-on-exec.
 * Returns:    the descriptor; -EINVAL for what is no address; the codes of
 *             both. */
THRUM_API THRUM_MUST_USE int thrum_connect_to(const char *address,
                                              thrum_time deadline);

THRUM_END_DECLS

#endif /* THRUM_RESOLVE_H */
