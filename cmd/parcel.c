/* SPDX-License-Identifier: MIT */
/*
 * parcel.c - one URL to a process that shares no memory, and what came of it
 * back.
 *
 * What goes there is a copy: where the record belongs, and the URL. What comes
 * back is a copy of the record without its URL, which has stayed here. All else
 * is the same for every URL, and each worker is told it once, by its
 * initializer: main has not run there, so libcurl is set up there, and the
 * directory opened, by its path.
 *
 * A request to stop reaches a worker as it reaches a thread, through
 * thrum_cancelled(). The signals of Ctrl-C, which a terminal sends to workers
 * too, are none of their business: they would lose what could be reported.
 */
#include "parcel.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thrum.h>

#include "interrupt.h"
#include "save.h"
#include "transfer.h"

struct parcel {
    size_t index;
    char url[];
};

struct parcel_result {
    int pid;
    long peak_kib;
    struct fetch_record record; /* its url is NULL */
};

/* In a worker process: what it was told. */
static struct {
    struct transfer_options transfer;
    int64_t begin_ns;
} parcel_worker;

int parcel_setup_init(struct parcel_setup *setup,
                      const struct fetch_options *options, int64_t begin_ns)
{
    size_t length = options->output != NULL ? strlen(options->output) : 0;

    memset(setup, 0, sizeof(*setup));
    setup->timeout = options->timeout;
    setup->retries = options->retries;
    setup->max_bytes = options->max_bytes;
    setup->begin_ns = begin_ns;
    if (length >= sizeof(setup->output))
        return -ENAMETOOLONG;
    if (length > 0)
        memcpy(setup->output, options->output, length);
    return 0;
}

/* ---- in the workers ---- */

int parcel_prepare(void *arg)
{
    const struct parcel_setup *setup = arg;
    struct transfer_options *transfer = &parcel_worker.transfer;
    int rc = interrupt_leave();

    parcel_worker.begin_ns = setup->begin_ns;
    transfer->timeout = setup->timeout;
    transfer->retries = setup->retries;
    transfer->max_bytes = setup->max_bytes;
    transfer->is_stopped = thrum_cancelled;
    if (rc == 0)
        rc = transfer_begin();
    if (rc == 0 && setup->output[0] != '\0')
        rc = save_dir_open(setup->output, &transfer->save);
    return rc;
}

/* The task. */
static void *parcel_fetch(void *arg)
{
    struct parcel *parcel = arg;
    struct parcel_result result = {.pid = getpid()};
    struct fetch_record *record = &result.record;
    int64_t start_ns = thrum_now().ns;
    struct rusage usage;

    record->index = parcel->index;
    record->url = parcel->url;
    record->start_ns = start_ns - parcel_worker.begin_ns;
    transfer_run(&parcel_worker.transfer, record);
    record->duration_ns = thrum_now().ns - start_ns;
    record->url = NULL;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        result.peak_kib = usage.ru_maxrss;
    return thrum_return(&result, sizeof(result));
}

/* ---- in the main process ---- */

int parcel_submit(thrum_executor *executor, const struct fetch_record *record,
                  thrum_future **ret)
{
    size_t length = strlen(record->url) + 1;
    struct parcel *parcel = malloc(sizeof(*parcel) + length);
    int rc;

    if (parcel == NULL)
        return -ENOMEM;
    parcel->index = record->index;
    memcpy(parcel->url, record->url, length);
    rc = thrum_executor_submit(executor, parcel_fetch, parcel,
                               sizeof(*parcel) + length, ret);
    free(parcel);
    return rc;
}

/* Whatever the worker may have done to it, the text has an end. */
static void parcel_accept(const struct parcel_result *result,
                          struct lanes *lanes, struct fetch_record *record)
{
    char *url = record->url;
    size_t index = record->index;

    *record = result->record;
    record->url = url;
    record->index = index;
    record->error[sizeof(record->error) - 1] = '\0';
    record->worker = lanes_of_process(lanes, result->pid, result->peak_kib);
}

static void parcel_explain(const thrum_error *error, struct lanes *lanes,
                           struct fetch_record *record)
{
    snprintf(record->error, sizeof(record->error), "%.200s", error->message);
    if (error->pid != 0)
        record->worker = lanes_of_process(lanes, error->pid, 0);
}

bool parcel_open(thrum_future *future, struct lanes *lanes,
                 struct fetch_record *record)
{
    const thrum_error *error = NULL;
    void *result;
    int rc = thrum_future_result(future, THRUM_NOW, &result);

    if (rc == THRUM_ECANCELLED)
        return false;
    record->attempts = 1;
    if (rc == 0 &&
        thrum_future_result_size(future) == sizeof(struct parcel_result))
        parcel_accept(result, lanes, record);
    else if (thrum_future_exception(future, THRUM_NOW, &error) == 0 &&
             error != NULL)
        parcel_explain(error, lanes, record);
    else
        snprintf(record->error, sizeof(record->error), "%s",
                 "the worker has answered nonsense");
    return true;
}
