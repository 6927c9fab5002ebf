/* SPDX-License-Identifier: MIT */
/*
 * monkey/client_threads.c - a thread for every request, each of which blocks.
 */
#include <pthread.h>
#include <stdlib.h>

#include "monkey/request.h"
#include "net/harness.h"

static void *client_request(void *arg)
{
    struct request request;

    request_init(&request);
    request_check(&request, curl_easy_perform(request.curl));
    return arg;
}

static void client_curl(long n)
{
    pthread_t *thread = malloc((size_t)n * sizeof *thread);
    pthread_attr_t attributes;

    request_begin();
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, REQUEST_STACK);
    for (long i = 0; i < n; i++)
        if (pthread_create(&thread[i], &attributes, client_request, NULL))
            bench_die("pthread_create");
    for (long i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    free(thread);
}

const struct bench_peer bench_peer = {
    .curl = client_curl,
};
