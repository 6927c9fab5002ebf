/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - one URL over HTTP, with a plain blocking call.
 *
 * curl_easy_perform() blocks until the body is there: the code of a program with
 * one thread. Handles are used again, and with them connections, sessions and
 * names: see handles.c.
 *
 * A transfer stops early since libcurl calls transfer_progress() whenever
 * something comes, and about once a second when nothing does, and that asks
 * whether somebody wants it stopped. In a greenlet that is cancelled whatever
 * libcurl waits for ends at once, which it takes for an error.
 *
 * libcurl starts a thread to look a name up. So many may do that at once, and no
 * more: a transfer waits for its turn, and gives it to the next one when it has
 * addresses to connect to.
 *
 * Repeated is what may pass by itself: no connection, a connection that broke,
 * a timeout, HTTP 429 and 5xx.
 */
#include "transfer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>
#include <thrum.h>

#include "backoff.h"
#include "handles.h"

#define TRANSFER_LOOKUPS 64 /* names that are being looked up, at the most */
#define TRANSFER_LOOK_MS 100

/* One attempt. */
struct transfer {
    const struct transfer_options *options;
    struct fetch_record *record;
    struct save_file file;
    struct handle handle;
    int save_error; /* 0, or -errno of a write to the file */
    bool looks_up;  /* has a unit of transfer_lookups */
    char message[CURL_ERROR_SIZE];
};

static thrum_semaphore transfer_lookups;

int transfer_begin(void)
{
    int rc = thrum_semaphore_init(&transfer_lookups, TRANSFER_LOOKUPS,
                                  TRANSFER_LOOKUPS);

    if (rc != 0)
        return rc;
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

void transfer_forget(void)
{
    handles_free();
}

void transfer_end(void)
{
    handles_free();
    curl_global_cleanup();
    thrum_semaphore_fini(&transfer_lookups);
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

/* ---- names ---- */

/* A name is to be looked up, or an address is taken for one. */
static int transfer_look_up(void *resolver, void *reserved, void *arg)
{
    struct transfer *transfer = arg;
    int rc = transfer->looks_up ? 0 : -ETIMEDOUT;

    while (rc == -ETIMEDOUT && !transfer->options->is_stopped()) {
        rc = thrum_semaphore_acquire(&transfer_lookups,
                                     thrum_in_ms(TRANSFER_LOOK_MS));
        transfer->looks_up = rc == 0;
    }
    return rc == 0 ? 0 : 1;
}

static void transfer_looked_up(struct transfer *transfer)
{
    if (transfer->looks_up)
        thrum_semaphore_release(&transfer_lookups);
    transfer->looks_up = false;
}

/* There are addresses, and this is one of them. */
static curl_socket_t transfer_socket(void *arg, curlsocktype purpose,
                                     struct curl_sockaddr *address)
{
    transfer_looked_up(arg);
    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}

/* ---- options ---- */

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
    CURL *curl = transfer->handle.curl;

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
    curl_easy_setopt(curl, CURLOPT_RESOLVER_START_FUNCTION, transfer_look_up);
    curl_easy_setopt(curl, CURLOPT_RESOLVER_START_DATA, transfer);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, transfer_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, transfer);
    /* Nor wait for a name server when the time is up. */
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    if (transfer->options->one_connection)
        curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
    transfer_set_limits(curl, transfer->options);
}

/* ---- what came of it ---- */

/* Tells in the record why there is no body. */
static void transfer_explain(struct transfer *transfer, CURLcode code)
{
    struct fetch_record *record = transfer->record;
    const char *message = transfer->message;

    if (message[0] == '\0')
        message = curl_easy_strerror(code);
    if (transfer->save_error != 0)
        message = thrum_strerror(transfer->save_error);
    if (record->cancelled)
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

    curl_easy_getinfo(transfer->handle.curl, CURLINFO_RESPONSE_CODE,
                      &record->status);
    record->cancelled = code != CURLE_OK && transfer->options->is_stopped();
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

/* ---- attempts ---- */

/* With a handle, and a file if the body is saved. */
static CURLcode transfer_perform(struct transfer *transfer)
{
    CURLcode code;

    if (!handles_take(transfer->record->url, transfer->options->one_connection,
                      &transfer->handle)) {
        transfer_explain(transfer, CURLE_OUT_OF_MEMORY);
        return CURLE_OUT_OF_MEMORY;
    }
    transfer_set_up(transfer);
    code = curl_easy_perform(transfer->handle.curl);
    transfer_looked_up(transfer);
    transfer_finish(transfer, code);
    handles_put(&transfer->handle);
    return code;
}

/* Once. True if it failed in a way that may pass. */
static bool transfer_attempt(const struct transfer_options *options,
                             struct fetch_record *record)
{
    struct transfer transfer = {.options = options, .record = record};
    CURLcode code = CURLE_WRITE_ERROR;

    record->attempts++;
    record->bytes = 0;
    record->error[0] = '\0';
    if (options->save != NULL)
        transfer.save_error = save_open(options->save, &transfer.file);
    if (transfer.save_error != 0)
        transfer_explain(&transfer, code);
    else
        code = transfer_perform(&transfer);
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
