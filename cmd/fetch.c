/* SPDX-License-Identifier: MIT */
/*
 * fetch.c - many URLs at once, with blocking calls.
 *
 * Each URL is a task, and the task is what a program of one thread would do:
 * fetch_one() calls libcurl and waits. The main thread submits and collects:
 *
 *     source --> slots --submit--> executor --> set --> record --> report
 *                  ^                                       |
 *                  +---------------------------------------+
 *
 * A slot is one URL on its way. There are a few more slots than workers, so
 * that nobody waits for the next URL, and a list of a million takes no more
 * memory than one of a hundred. A future set hands back whichever task is
 * done next, for O(1).
 *
 * The tasks belong to a scope. It lists what is under way, so one call cancels
 * all of it, and it ends only when all of it has: so no task is left when the
 * slots are freed, whatever the reason to stop.
 *
 * Where tasks run in other processes they get a parcel in the place of a slot.
 *
 * A URL that cannot be fetched is a result like any other, not an error of its
 * task: an error would cancel the other tasks of the scope.
 */
#include "fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <thrum.h>

#include "escape.h"
#include "executors.h"
#include "green.h"
#include "interrupt.h"
#include "lanes.h"
#include "parcel.h"
#include "progress.h"
#include "results.h"
#include "save.h"
#include "transfer.h"

#define FETCH_SPARE_SLOTS 64
#define FETCH_AHEAD       4096 /* URLs that wait for a worker, at the most */
#define FETCH_TICK_MS     100  /* the longest that nothing is looked at */

struct fetch_slot {
    struct fetch *fetch;
    struct fetch_slot *next_free;
    thrum_future *future;       /* of a task apart, until it is collected */
    struct fetch_record record; /* its url: NULL in a free slot */
};

/* One run. The workers only read it, but for its lanes. */
struct fetch {
    const struct fetch_options *options;
    struct fetch_source *source;
    struct fetch_report *report;
    struct transfer_options transfer;
    int64_t begin_ns;

    const struct executor_kind *kind;
    thrum_executor *executor;
    struct lanes lanes;
    thrum_scope *scope;
    thrum_future_set *set;
    struct fetch_slot *slots;
    struct fetch_slot *free; /* a list by next_free */
    size_t slot_count;

    struct results *results; /* NULL: none are written */
    struct progress progress;
    int64_t next_tick_ns;
    bool made;  /* the executor was */
    bool keep;  /* the records */
    bool ended; /* no more URLs are taken */
};

/* ---- in the workers ---- */

static bool fetch_is_stopped(void)
{
    /* The inline executor runs tasks in the main thread, which then has no
     * chance to cancel them. */
    return thrum_cancelled() || interrupt_signal() != 0;
}

/* The blocking call. */
static void *fetch_transfer(void *arg)
{
    struct fetch_slot *slot = arg;
    struct fetch *fetch = slot->fetch;
    struct fetch_record *record = &slot->record;
    int64_t start_ns = thrum_now().ns;

    record->start_ns = start_ns - fetch->begin_ns;
    transfer_run(&fetch->transfer, record);
    record->duration_ns = thrum_now().ns - start_ns;
    return slot;
}

/* The task. */
static void *fetch_one(void *arg)
{
    struct fetch_slot *slot = arg;

    slot->record.worker = lanes_of_thread(&slot->fetch->lanes);
    return fetch_transfer(slot);
}

/* The task of a greenlet: whose lane is the first that is free. */
static void *fetch_green(void *arg)
{
    struct fetch_slot *slot = arg;
    struct lanes *lanes = &slot->fetch->lanes;
    int rc;

    slot->record.worker = lanes_take(lanes);
    rc = green_call(fetch_transfer, slot);
    lanes_release(lanes, slot->record.worker);
    if (rc == THRUM_ECANCELLED)
        return NULL;
    if (rc != 0)
        snprintf(slot->record.error, sizeof(slot->record.error), "%s",
                 thrum_strerror(rc));
    return slot;
}

/* ---- in the main thread: what has come ---- */

static void fetch_say_failure(struct fetch *fetch,
                              const struct fetch_record *record)
{
    if (fetch->options->quiet)
        return;
    progress_hide(&fetch->progress);
    fputs("thrum: ", stderr);
    escape_terminal(stderr, record->url, strnlen(record->url, 200));
    fputs(": ", stderr);
    escape_terminal(stderr, record->error, strlen(record->error));
    fputc('\n', stderr);
}

/* Says once that the results are lost. The fetching goes on. */
static void fetch_check_results(struct fetch *fetch, int rc)
{
    if (rc == 0 || fetch->report->results_failed)
        return;
    fetch->report->results_failed = true;
    progress_hide(&fetch->progress);
    fprintf(stderr, "thrum: %s: cannot write the results: %s\n",
            fetch->options->results, thrum_strerror(rc));
}

static void fetch_release(struct fetch *fetch, struct fetch_slot *slot)
{
    free(slot->record.url);
    slot->record.url = NULL;
    slot->next_free = fetch->free;
    fetch->free = slot;
}

/* A URL is done with. */
static void fetch_settle(struct fetch *fetch, struct fetch_slot *slot)
{
    struct fetch_report *report = fetch->report;
    struct fetch_record *record = &slot->record;

    report->ok += record->ok;
    report->cancelled += record->cancelled;
    report->failed += !record->ok && !record->cancelled;
    if (!record->ok && !record->cancelled)
        fetch_say_failure(fetch, record);
    if (fetch->results != NULL)
        fetch_check_results(fetch, results_add(fetch->results, record));
    if (fetch->keep)
        fetch->keep = fetch_report_keep(report, record);
    fetch_release(fetch, slot);
}

/* The tasks that were cancelled before they began: they have no result, and
 * their slots are those that are still taken. */
static void fetch_settle_cancelled(struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->slot_count; i++) {
        struct fetch_record *record = &fetch->slots[i].record;

        if (record->url == NULL)
            continue;
        record->cancelled = true;
        record->start_ns = thrum_now().ns - fetch->begin_ns;
        snprintf(record->error, sizeof(record->error), "not begun");
        fetch_settle(fetch, &fetch->slots[i]);
    }
}

/* A task apart is done: the slot that it was for, with its record; or NULL when
 * it was cancelled before it began. */
static struct fetch_slot *fetch_receive(struct fetch *fetch, thrum_future *done)
{
    struct fetch_slot *slot = fetch->slots;

    while (slot->future != done)
        slot++;
    slot->future = NULL;
    slot->record.start_ns = thrum_now().ns - fetch->begin_ns;
    return parcel_open(done, &fetch->lanes, &slot->record) ? slot : NULL;
}

/* Takes one task that is done; waits to the deadline for one. */
static bool fetch_collect(struct fetch *fetch, thrum_time deadline)
{
    thrum_future *done;
    void *slot = NULL;

    if (thrum_future_set_next(fetch->set, deadline, &done) != 0)
        return false;
    if (fetch->kind->apart)
        slot = fetch_receive(fetch, done);
    else if (thrum_future_result(done, THRUM_NOW, &slot) != 0)
        slot = NULL;
    if (slot != NULL)
        fetch_settle(fetch, slot);
    thrum_future_unref(done);
    return true;
}

/* From time to time: shows how far it is, and the results to who reads them. */
static void fetch_tick(struct fetch *fetch)
{
    const struct fetch_report *report = fetch->report;
    int64_t now_ns = thrum_now().ns;
    struct progress_view view = {
        .done = report->ok + report->failed + report->cancelled,
        .failed = report->failed,
        .total = fetch->source->count,
        .elapsed_ns = now_ns - fetch->begin_ns,
    };

    if (now_ns < fetch->next_tick_ns)
        return;
    fetch->next_tick_ns = now_ns + FETCH_TICK_MS * 1000000;
    if (fetch->results != NULL)
        fetch_check_results(fetch, results_flush(fetch->results));
    progress_show(&fetch->progress, &view);
}

/* ---- in the main thread: what goes out ---- */

/* Puts the next URL into a free slot; NULL at the end of the list. */
static struct fetch_slot *fetch_take(struct fetch *fetch)
{
    struct fetch_slot *slot = fetch->free;
    const char *url =
        fetch->source->next(fetch->source->self, &fetch->report->error);

    if (url == NULL)
        return NULL;
    memset(&slot->record, 0, sizeof(slot->record));
    slot->record.index = fetch->report->count;
    slot->record.url = strdup(url);
    if (slot->record.url == NULL) {
        fetch->report->error = -ENOMEM;
        return NULL;
    }
    fetch->free = slot->next_free;
    fetch->report->count++;
    return slot;
}

/* Submits a slot. A task apart is not of the scope: its worker may die, and that
 * is not to cancel the others; nor does it use what is freed at the end. */
static int fetch_send(struct fetch *fetch, struct fetch_slot *slot,
                      thrum_future **ret)
{
    int rc;

    if (!fetch->kind->apart)
        return thrum_scope_submit(fetch->scope, fetch->executor,
                                  fetch->kind->green ? fetch_green : fetch_one,
                                  slot, 0, ret);
    rc = parcel_submit(fetch->executor, &slot->record, ret);
    if (rc == 0)
        slot->future = *ret;
    return rc;
}

/* Submits the next URL. What goes wrong here ends the list; what is under way
 * is fetched to the end. */
static void fetch_submit(struct fetch *fetch)
{
    struct fetch_slot *slot = fetch_take(fetch);
    thrum_future *future;
    int rc;

    fetch->ended = slot == NULL;
    if (slot == NULL)
        return;
    rc = fetch_send(fetch, slot, &future);
    if (rc == 0) {
        rc = thrum_future_set_add(fetch->set, future);
        thrum_future_unref(future);
    }
    if (rc != 0) {
        slot->future = NULL;
        fetch->report->error = rc;
        fetch->ended = true;
    }
}

/* After Ctrl-C nothing more is begun, and what is under way is asked to stop:
 * pending tasks are cancelled at once, running ones find fetch_is_stopped(). */
static void fetch_heed_interrupt(struct fetch *fetch)
{
    if (interrupt_signal() == 0 || fetch->report->interrupted)
        return;
    fetch->report->interrupted = true;
    fetch->ended = true;
    thrum_scope_cancel(fetch->scope);
    for (size_t i = 0; i < fetch->slot_count; i++)
        if (fetch->slots[i].future != NULL)
            thrum_future_request_cancel(fetch->slots[i].future);
}

/* All of it: submits while there is room, waits when there is none. */
static void fetch_loop(struct fetch *fetch)
{
    while (!fetch->ended || thrum_future_set_size(fetch->set) > 0) {
        fetch_heed_interrupt(fetch);
        if (!fetch->ended && fetch->free != NULL)
            fetch_submit(fetch);
        else
            fetch_collect(fetch, thrum_in_ms(FETCH_TICK_MS));
        while (fetch_collect(fetch, THRUM_NOW))
            continue;
        fetch_tick(fetch);
    }
    fetch_heed_interrupt(fetch);
}

/* ---- beginning and end ---- */

static int fetch_say(const char *what, int rc)
{
    fprintf(stderr, "thrum: %s: %s\n", what, thrum_strerror(rc));
    return rc;
}

static int fetch_make_slots(struct fetch *fetch, int workers)
{
    size_t ahead = 3 * (size_t)workers;

    fetch->slot_count = (size_t)workers + FETCH_SPARE_SLOTS +
                        (ahead < FETCH_AHEAD ? ahead : FETCH_AHEAD);
    fetch->slots = calloc(fetch->slot_count, sizeof(*fetch->slots));
    if (fetch->slots == NULL)
        return -ENOMEM;
    for (size_t i = fetch->slot_count; i-- > 0;) {
        fetch->slots[i].fetch = fetch;
        fetch_release(fetch, &fetch->slots[i]);
    }
    return 0;
}

/* What is made for so many. */
static int fetch_make(struct fetch *fetch, const struct executor_setup *setup)
{
    int rc = fetch->kind->make(setup, &fetch->executor);

    fetch->made = rc == 0;
    if (rc == 0)
        rc = thrum_future_set_new(&fetch->set);
    if (rc == 0)
        rc = thrum_scope_new(THRUM_FOREVER, &fetch->scope);
    if (rc == 0)
        rc = lanes_init(&fetch->lanes, fetch->begin_ns, (size_t)setup->workers);
    if (rc == 0)
        rc = fetch_make_slots(fetch, setup->workers);
    return rc;
}

/* The executor, what collects from it, and room for what it works on. */
static int fetch_open_executor(struct fetch *fetch)
{
    const char *name = fetch->options->executor;
    const struct executor_kind *kind = executor_kind_find(name);
    struct parcel_setup parcel;
    struct executor_setup setup = {0, parcel_prepare, &parcel, sizeof(parcel)};
    struct executor_wish wish = {fetch->options->workers, fetch->source->count,
                                 fetch->options->output != NULL,
                                 fetch->options->quiet};
    int rc;

    if (kind == NULL)
        return fetch_say(name, -EINVAL);
    setup.workers = executor_kind_workers(kind, &wish);
    fetch->kind = kind;
    fetch->transfer.one_connection = kind->green;
    fetch->report->executor = kind->label;
    fetch->report->workers = setup.workers;
    rc = parcel_setup_init(&parcel, fetch->options, fetch->begin_ns);
    if (rc == 0)
        rc = fetch_make(fetch, &setup);
    return rc == 0 ? 0 : fetch_say(name, rc);
}

/* Where everything goes. */
static int fetch_open_outputs(struct fetch *fetch)
{
    const struct fetch_options *options = fetch->options;
    int rc = 0;

    progress_begin(&fetch->progress, options->progress, stderr);
    if (options->output != NULL)
        rc = save_dir_open(options->output, &fetch->transfer.save);
    if (rc < 0)
        return fetch_say(options->output, rc);
    if (options->results != NULL)
        rc = results_open(options->results, options->format,
                          options->append_results, &fetch->results);
    if (rc < 0)
        fetch_check_results(fetch, rc);
    return rc;
}

static int fetch_open(struct fetch *fetch)
{
    int rc = fetch_open_executor(fetch);

    return rc == 0 ? fetch_open_outputs(fetch) : rc;
}

/* The scope first: after it no task is left. */
static void fetch_end(struct fetch *fetch)
{
    thrum_scope_close(fetch->scope);
    fetch->scope = NULL;
    fetch->report->worker_kib = lanes_peak_kib(&fetch->lanes);
    fetch_settle_cancelled(fetch);
    if (fetch->report->error != 0 && !fetch->report->interrupted) {
        progress_hide(&fetch->progress);
        fetch_say("the list ends early", fetch->report->error);
    }
}

/* In reverse order. */
static void fetch_close(struct fetch *fetch)
{
    progress_hide(&fetch->progress);
    fetch_check_results(fetch, results_close(fetch->results));
    save_dir_close(fetch->transfer.save);
    thrum_scope_close(fetch->scope);
    thrum_future_set_free(fetch->set);
    if (fetch->executor != NULL) {
        thrum_executor_shutdown(fetch->executor, THRUM_WAIT, THRUM_FOREVER);
        thrum_executor_unref(fetch->executor);
    }
    transfer_forget();
    if (fetch->made && fetch->kind->leave != NULL)
        fetch->kind->leave();
    free(fetch->slots);
    lanes_fini(&fetch->lanes);
}

int fetch_run(const struct fetch_options *options, struct fetch_source *source,
              struct fetch_report *ret)
{
    struct fetch fetch = {
        .options = options,
        .source = source,
        .report = ret,
        .transfer = {.timeout = options->timeout,
                     .retries = options->retries,
                     .max_bytes = options->max_bytes,
                     .is_stopped = fetch_is_stopped},
        .begin_ns = thrum_now().ns,
        .keep = options->keep_records,
    };
    int rc;

    memset(ret, 0, sizeof(*ret));
    rc = fetch_open(&fetch);
    if (rc == 0) {
        fetch_loop(&fetch);
        fetch_end(&fetch);
    }
    fetch_close(&fetch);
    ret->wall_ns = thrum_now().ns - fetch.begin_ns;
    return rc;
}
