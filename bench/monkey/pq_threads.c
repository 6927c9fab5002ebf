/* SPDX-License-Identifier: MIT */
/*
 * monkey/pq_threads.c - a thread for every client.
 */
#include <pthread.h>
#include <stdlib.h>

#include "monkey/pq.h"
#include "program.h"

void pq_at_once(pq_fn *fn, long n)
{
    pthread_t *all = calloc((size_t)n, sizeof *all);
    pthread_attr_t small;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, PQ_STACK);
    for (long i = 0; i < n; i++)
        if (!all || pthread_create(&all[i], &small, fn, pq_client(i)))
            bench_die("pthread_create");
    for (long i = 0; i < n; i++)
        pthread_join(all[i], NULL);
    pthread_attr_destroy(&small);
    free(all);
}
