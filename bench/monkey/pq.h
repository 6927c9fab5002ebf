/* SPDX-License-Identifier: MIT */
/*
 * monkey/pq.h - many connections to PostgreSQL, each waiting for its answers.
 *
 * pq.c has main(), and the same blocking calls of libpq for all. A peer is one
 * file that says what they wait in.
 */
#ifndef BENCH_MONKEY_PQ_H
#define BENCH_MONKEY_PQ_H

#define PQ_STACK (256 * 1024) /* of a thread and of a greenlet: libpq's calls */

struct pq_client;

typedef void *pq_fn(void *client);

/* The client of that number. */
struct pq_client *pq_client(long number);

/* Of the peer: runs fn for each of n clients, all at once, and waits for the
 * end of the last. */
void pq_at_once(pq_fn *fn, long n);

#endif /* BENCH_MONKEY_PQ_H */
