/* SPDX-License-Identifier: MIT */
/*
 * monkey/request.c - how a request is asked, and what a right answer is.
 */
#include "monkey/request.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/http.h"

static char request_url[64];

void request_begin(void)
{
    struct sockaddr_in server = bench_server();

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        bench_die("curl_global_init");
    snprintf(request_url, sizeof request_url, "http://127.0.0.1:%d/",
             ntohs(server.sin_port));
}

static size_t request_write(char *data, size_t size, size_t n, void *arg)
{
    struct request *request = arg;

    if (size * n > REQUEST_ROOM - request->size)
        return 0;
    memcpy(request->body + request->size, data, size * n);
    request->size += size * n;
    return size * n;
}

static int request_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    bench_reset(fd);
    return CURL_SOCKOPT_OK;
}

void request_init(struct request *request)
{
    CURL *curl = curl_easy_init();

    if (!curl)
        bench_die("curl_easy_init");
    *request = (struct request){.curl = curl};
    curl_easy_setopt(curl, CURLOPT_URL, request_url);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, request_socket);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, request_write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, request);
}

void request_check(struct request *request, CURLcode code)
{
    long status = 0;

    if (code != CURLE_OK)
        bench_die(curl_easy_strerror(code));
    curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        bench_die("the status of an answer");
    if (request->size != strlen(BENCH_HELLO) ||
        memcmp(request->body, BENCH_HELLO, request->size) != 0)
        bench_die("the body of an answer");
    curl_easy_cleanup(request->curl);
}
