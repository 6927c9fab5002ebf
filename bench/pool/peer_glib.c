/* SPDX-License-Identifier: MIT */
/*
 * pool/peer_glib.c - GThreadPool, exclusive, with jobs from g_slice.
 */
#include <glib.h>

#include "pool/harness.h"

struct job {
    bench_task *fn;
    void *arg;
};

static GThreadPool *pool;

static void glib_run(gpointer data, gpointer unused)
{
    struct job job = *(struct job *)data;

    g_slice_free1(sizeof job, data);
    job.fn(job.arg);
}

static void glib_start(int workers)
{
    pool = g_thread_pool_new(glib_run, NULL, workers, TRUE, NULL);
}

static void glib_stop(void)
{
    g_thread_pool_free(pool, FALSE, TRUE);
}

static void glib_submit(bench_task *fn, void *arg)
{
    struct job *job = g_slice_alloc(sizeof *job);

    job->fn = fn;
    job->arg = arg;
    g_thread_pool_push(pool, job, NULL);
}

const struct bench_peer bench_peer = {
    .start = glib_start,
    .stop = glib_stop,
    .submit = glib_submit,
};
