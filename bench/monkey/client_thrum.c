/* SPDX-License-Identifier: MIT */
/*
 * monkey/client_thrum.c - a greenlet for every request, each of which blocks.
 */
#include "monkey/client_thrum.h"

#include <stdlib.h>

#include <thrum.h>
#include <thrum/monkey.h>

#include "monkey/request.h"
#include "net/harness.h"

static void *client_request(void *arg)
{
    struct request request;

    request_init(&request);
    request_check(&request, curl_easy_perform(request.curl));
    return arg;
}

void client_curl(long n)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future **all = malloc((size_t)n * sizeof(thrum_future *));

    request_begin();
    options.stack_size = REQUEST_STACK;
    for (long i = 0; i < n; i++)
        if (thrum_spawn_with(client_request, NULL, 0, &options, &all[i]) != 0)
            bench_die("thrum_spawn_with");
    if (thrum_join_all(all, (size_t)n, THRUM_FOREVER) != 0)
        bench_die("thrum_join_all");
    for (long i = 0; i < n; i++)
        thrum_future_unref(all[i]);
    free(all);
}
