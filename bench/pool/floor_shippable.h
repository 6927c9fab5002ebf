/* SPDX-License-Identifier: MIT */
/*
 * pool/floor_shippable.h - the least that a C library could offer.
 *
 * Opaque jobs of 64 bytes from a free list of the worker, functions by
 * pointer, argument and result copied, in a translation unit of its own.
 */
#ifndef BENCH_POOL_FLOOR_SHIPPABLE_H
#define BENCH_POOL_FLOOR_SHIPPABLE_H

#include <stddef.h>

struct job;
typedef void shippable_fn(const void *arg, void *result);

void shippable_start(int workers);

/* From a job: forks one; joins the one that was forked last. */
struct job *shippable_fork(shippable_fn *fn, const void *arg, size_t size);
void shippable_join(struct job *job, void *result, size_t size);

/* From outside: runs a job and waits for it. */
void shippable_call(shippable_fn *fn, const void *arg, size_t size,
                    void *result, size_t result_size);

#endif /* BENCH_POOL_FLOOR_SHIPPABLE_H */
