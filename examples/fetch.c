/* SPDX-License-Identifier: MIT */
/*
 * fetch.c - fetch many URLs at once, with libcurl's blocking call.
 *
 * Each URL is a task; libcurl is used as in a program of one thread. Lines
 * come in the order in which the pages arrive.
 *
 *     fetch URL...
 */
#include <stdio.h>

#include <curl/curl.h>
#include <thrum.h>

static size_t download_count(char *data, size_t size, size_t n, void *arg)
{
    size_t *bytes = arg;

    *bytes += size * n;
    return size * n;
}

static CURLcode download(const char *url, size_t *bytes)
{
    CURL *curl = curl_easy_init();
    CURLcode code = CURLE_OUT_OF_MEMORY;

    *bytes = 0;
    if (curl == NULL)
        return code;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, download_count);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, bytes);
    code = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    return code;
}

/* doc: twenty-lines */
static void *get(void *url)
{
    size_t bytes;
    CURLcode code = download(url, &bytes); /* curl_easy_perform(), no more */

    if (code != CURLE_OK)
        return thrum_raise(THRUM_EUSER, "%s", curl_easy_strerror(code));
    return thrum_return(&bytes, sizeof(bytes));
}

static void show(thrum_future *page, void *url)
{
    const thrum_error *error;
    void *bytes;

    if (thrum_future_result(page, THRUM_NOW, &bytes) == 0)
        printf("%s: %zu bytes\n", (char *)url, *(size_t *)bytes);
    else if (thrum_future_exception(page, THRUM_NOW, &error) == 0)
        printf("%s: %s\n", (char *)url, error->message);
}

int main(int argc, char **argv)
{
    thrum_executor *pool;
    thrum_future *page;
    int rc = 0;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (thrum_thread_pool_new(NULL, &pool) < 0)
        return 1;
    for (int i = 1; i < argc && rc == 0; i++) {
        rc = thrum_executor_submit(pool, get, argv[i], 0, &page);
        if (rc == 0) {
            rc = thrum_future_add_done_callback(page, show, argv[i]);
            thrum_future_unref(page);
        }
    }
    thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER);
    thrum_executor_unref(pool);
    return rc == 0 ? 0 : 1;
}
/* doc: end */
