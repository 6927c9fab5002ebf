/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - one URL over HTTP, with a plain blocking call.
 *
 * curl_easy_perform() blocks its thread until the body is there: the code of a
 * program with one thread. Each thread keeps one easy handle for as long as it
 * lives, so that connections, sessions and names are used again.
 *
 * A transfer stops early in one way only: libcurl calls transfer_progress()
 * whenever something comes, and about once a second when nothing does, and
 * that asks whether somebody wants it stopped.
 *
 * Repeated is what may pass by itself: no connection, a connection that broke,
 * a timeout, HTTP 429 and 5xx.
 */
#include "transfer.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <thrum.h>

#include "backoff.h"

/* One attempt. */
struct transfer {
    const struct transfer_options *options;
    struct fetch_record *record;
    struct save_file file;
    CURL *curl;
    int save_error; /* 0, or -errno of a write to the file */
    char message[CURL_ERROR_SIZE];
};

static pthread_key_t transfer_key; /* of each thread's easy handle */

int transfer_begin(void)
{
    int rc = pthread_key_create(&transfer_key, curl_easy_cleanup);

    if (rc != 0)
        return -rc;
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

void transfer_end(void)
{
    /* A main thread that returns runs no destructors of keys. */
    curl_easy_cleanup(pthread_getspecific(transfer_key));
    pthread_setspecific(transfer_key, NULL);
    pthread_key_delete(transfer_key);
    curl_global_cleanup();
}

/* This thread's handle, as new but for its open connections; or NULL. */
static CURL *transfer_handle(void)
{
    CURL *curl = pthread_getspecific(transfer_key);

    if (curl != NULL) {
        curl_easy_reset(curl);
        return curl;
    }
    curl = curl_easy_init();
    if (curl != NULL && pthread_setspecific(transfer_key, curl) != 0) {
        curl_easy_cleanup(curl);
        return NULL;
    }
    return curl;
}

static bool transfer_is_too_big(const struct transfer *transfer)
{
    uint64_t max = transfer->options->max_bytes;

    return max > 0 && transfer->record->bytes > max;
}

/* libcurl has received a piece of the body; less than all of it is an error. */
static size_t transfer_write(char *data, size_t size, size_t n, void *arg)
{
    struct transfer *transfer = arg;

    transfer->record->bytes += size * n;
    if (transfer_is_too_big(transfer))
        return 0;
    if (transfer->options->save == NULL)
        return size * n;
    transfer->save_error = save_write(&transfer->file, data, size * n);
    return transfer->save_error == 0 ? size * n : 0;
}

/* Anything but 0 ends the transfer. */
static int transfer_progress(void *arg, curl_off_t to_get, curl_off_t got,
                             curl_off_t to_send, curl_off_t sent)
{
    struct transfer *transfer = arg;

    return transfer->options->is_stopped() ? 1 : 0;
}

static void transfer_set_limits(CURL *curl,
                                const struct transfer_options *options)
{
    /* A timeout of 0 ms would be none. */
    if (options->timeout > 0)
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                         (long)ceil(options->timeout * 1000));
    if (options->max_bytes > 0 && options->max_bytes <= INT64_MAX)
        curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE,
                         (curl_off_t)options->max_bytes);
}

static void transfer_set_up(struct transfer *transfer)
{
    CURL *curl = transfer->curl;

    curl_easy_setopt(curl, CURLOPT_URL, transfer->record->url);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "thrum");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->message);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, transfer_write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, transfer_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L); /* there are other threads */
    /* Nor wait for a name server when the time is up. */
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    transfer_set_limits(curl, transfer->options);
}

/* Tells in the record why there is no body. */
static void transfer_explain(struct transfer *transfer, CURLcode code)
{
    struct fetch_record *record = transfer->record;
    const char *message = transfer->message;

    if (message[0] == '\0')
        message = curl_easy_strerror(code);
    if (transfer->save_error != 0)
        message = thrum_strerror(transfer->save_error);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        snprintf(record->error, sizeof(record->error), "stopped");
    else if (code == CURLE_FILESIZE_EXCEEDED || transfer_is_too_big(transfer))
        snprintf(record->error, sizeof(record->error),
                 "the body has more than %llu bytes",
                 (unsigned long long)transfer->options->max_bytes);
    else if (code == CURLE_UNSUPPORTED_PROTOCOL)
        snprintf(record->error, sizeof(record->error),
                 "neither http nor https: %.200s", message);
    else if (code == CURLE_URL_MALFORMAT)
        snprintf(record->error, sizeof(record->error), "not a URL: %.200s",
                 message);
    else if (code == CURLE_WRITE_ERROR)
        snprintf(record->error, sizeof(record->error),
                 "cannot save the body: %.200s", message);
    else
        snprintf(record->error, sizeof(record->error), "%s", message);
}

/* Gives the body its name, if all went well. */
static void transfer_finish(struct transfer *transfer, CURLcode code)
{
    struct fetch_record *record = transfer->record;

    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &record->status);
    record->cancelled = code == CURLE_ABORTED_BY_CALLBACK;
    if (code != CURLE_OK) {
        transfer_explain(transfer, code);
        return;
    }
    if (record->status >= 400) {
        snprintf(record->error, sizeof(record->error), "HTTP status %ld",
                 record->status);
        return;
    }
    if (transfer->options->save != NULL)
        transfer->save_error = save_keep(&transfer->file, record);
    if (transfer->save_error != 0)
        transfer_explain(transfer, CURLE_WRITE_ERROR);
    else
        record->ok = true;
}

static bool transfer_may_pass(CURLcode code, long status)
{
    switch ((int)code) {
    case CURLE_OK:
        return status == 429 || status >= 500;
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return true;
    default:
        return false;
    }
}

/* Once. True if it failed in a way that may pass. */
static bool transfer_attempt(const struct transfer_options *options,
                             struct fetch_record *record)
{
    struct transfer transfer = {.options = options, .record = record};
    CURLcode code = CURLE_OUT_OF_MEMORY;

    record->attempts++;
    record->bytes = 0;
    record->error[0] = '\0';
    if (options->save != NULL)
        transfer.save_error = save_open(options->save, &transfer.file);
    transfer.curl = transfer_handle();
    if (transfer.save_error != 0 || transfer.curl == NULL) {
        transfer_explain(&transfer, transfer.save_error != 0
                                        ? CURLE_WRITE_ERROR
                                        : CURLE_OUT_OF_MEMORY);
    } else {
        transfer_set_up(&transfer);
        code = curl_easy_perform(transfer.curl);
        transfer_finish(&transfer, code);
    }
    if (options->save != NULL)
        save_close(&transfer.file);
    return transfer_may_pass(code, record->status);
}

/* What libcurl would cut or take for something else. */
static const char *transfer_refuse(const char *url)
{
    if (strnlen(url, TRANSFER_URL_MAX + 1) > TRANSFER_URL_MAX)
        return "not a URL: longer than 65536 bytes";
    for (const char *at = url; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return "not a URL: it has a blank or a control character";
    return NULL;
}

void transfer_run(const struct transfer_options *options,
                  struct fetch_record *record)
{
    const char *refusal = transfer_refuse(record->url);
    struct backoff backoff = BACKOFF(record->index);

    if (refusal != NULL) {
        record->attempts = 1;
        snprintf(record->error, sizeof(record->error), "%s", refusal);
        return;
    }
    while (transfer_attempt(options, record) &&
           record->attempts <= options->retries)
        if (!backoff_sleep(&backoff, options->is_stopped)) {
            record->cancelled = true;
            return;
        }
}
