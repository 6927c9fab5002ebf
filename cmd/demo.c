/* SPDX-License-Identifier: MIT */
/*
 * cmd/demo.c - `thrum fetch --demo`: the same list with each executor.
 *
 * The server answers each request after a while; so the table and the picture
 * show what waiting side by side is worth, with nothing but a line of the
 * program changed from row to row.
 */
#include "demo.h"

#include <stdlib.h>
#include <string.h>

#include "demo_server.h"
#include "executors.h"
#include "interrupt.h"
#include "status.h"
#include "timeline.h"

#define DEMO_WORKERS  16
#define DEMO_RUNS     8 /* executors, at the most */
#define DEMO_TIMELINE "thrum-timeline.html"

struct demo_urls {
    int port;
    int count;
    int next;
    char url[64];
};

static const char *demo_next_url(void *self, int *ret_error)
{
    struct demo_urls *urls = self;

    *ret_error = 0;
    if (urls->next == urls->count)
        return NULL;
    snprintf(urls->url, sizeof(urls->url), "http://127.0.0.1:%d/item/%d",
             urls->port, urls->next++);
    return urls->url;
}

/* ---- memory: the most that was resident during a run ---- */

/* Makes the kernel forget the most there ever was (Linux 4.0). */
static void demo_reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "we");

    if (file == NULL)
        return;
    fputs("5", file);
    fclose(file);
}

/* KiB, or 0 where the kernel does not tell. */
static long demo_peak(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[128];
    long kib = 0;

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "VmHWM: %ld kB", &kib) == 1)
            break;
    fclose(file);
    return kib;
}

/* ---- the table ---- */

static void demo_print_head(int urls, int delay_ms)
{
    printf("Fetching %d URLs from a local server that answers each after "
           "%d ms\n\n",
           urls, delay_ms);
    fflush(stdout);
}

static void demo_print_table(const struct fetch_report *reports,
                             const long *peaks, size_t n)
{
    printf("%-17s %8s %10s %9s %12s %6s %7s\n", "executor", "workers", "time",
           "speed-up", "peak memory", "ok", "failed");
    for (size_t i = 0; i < n; i++) {
        const struct fetch_report *report = &reports[i];

        printf("%-17s %8d %8.2f s %8.1fx %8.1f MiB %6zu %7zu\n",
               report->executor, report->workers, (double)report->wall_ns / 1e9,
               (double)reports[0].wall_ns / (double)report->wall_ns,
               (double)peaks[i] / 1024, report->ok, report->failed);
    }
    printf("\nspeed-up: against %s, one at a time; peak memory: the most that "
           "was resident\nduring that run (VmHWM), of worker processes too, "
           "each with all that they share.\n",
           reports[0].executor);
}

static int demo_write_timeline(const struct fetch_options *options,
                               const struct fetch_report *reports, size_t n)
{
    const char *path =
        options->timeline != NULL ? options->timeline : DEMO_TIMELINE;
    int rc = timeline_write(path, reports, n);

    if (rc < 0) {
        fprintf(stderr, "thrum: %s: %s\n", path, strerror(-rc));
        return STATUS_OUTPUT;
    }
    printf("\nA picture of it: %s (open it in a browser)\n", path);
    return STATUS_OK;
}

/* ---- the runs ---- */

static int demo_fetch(const struct fetch_options *asked,
                      const struct executor_kind *kind, struct demo_urls *urls,
                      struct fetch_report *ret)
{
    struct fetch_options options = *asked;
    struct fetch_source source = {demo_next_url, urls, (size_t)urls->count};

    urls->next = 0;
    options.executor = kind->name;
    options.append_results = kind != &executor_kinds[0];
    options.timeline = NULL; /* one for all, at the end */
    options.keep_records = true;
    if (options.workers == 0 && !executor_kind_is_many(kind))
        options.workers = DEMO_WORKERS;
    return fetch_run(&options, &source, ret);
}

static int demo_status(const struct fetch_report *reports, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (reports[i].interrupted)
            return 128 + interrupt_signal();
        if (reports[i].results_failed)
            return STATUS_OUTPUT;
        if (reports[i].failed > 0)
            return STATUS_FAILED;
    }
    return STATUS_OK;
}

/* The table of what was run, and the picture unless it was stopped. */
static int demo_tell(const struct fetch_options *options,
                     const struct fetch_report *reports, const long *peaks,
                     size_t n, int status)
{
    int written;

    if (n == 0)
        return status;
    demo_print_table(reports, peaks, n);
    if (status >= 128) {
        printf("\nInterrupted: the numbers are of what was done until then.\n");
        return status;
    }
    written = demo_write_timeline(options, reports, n);
    return status != STATUS_OK ? status : written;
}

static int demo_run_all(const struct fetch_options *options,
                        struct demo_urls *urls)
{
    struct fetch_report reports[DEMO_RUNS] = {{0}};
    long peaks[DEMO_RUNS];
    int status = STATUS_OK;
    size_t n = 0;

    while (n < DEMO_RUNS && status == STATUS_OK &&
           executor_kinds[n].name != NULL) {
        demo_reset_peak();
        if (demo_fetch(options, &executor_kinds[n], urls, &reports[n]) < 0) {
            status = reports[n].results_failed ? STATUS_OUTPUT : STATUS_FAILED;
            break;
        }
        peaks[n] = demo_peak() + reports[n].worker_kib;
        n++;
        status = demo_status(reports, n);
    }
    status = demo_tell(options, reports, peaks, n, status);
    for (size_t i = 0; i < n; i++)
        fetch_report_free(&reports[i]);
    return status;
}

int demo_run(const struct fetch_options *options, int delay_ms, int urls)
{
    struct demo_urls list = {0, urls, 0, ""};
    struct demo_server server;
    int status;
    int rc = demo_server_start(delay_ms, &server);

    if (rc < 0) {
        fprintf(stderr, "thrum: the demo's server cannot start: %s\n",
                strerror(-rc));
        return STATUS_USAGE;
    }
    list.port = server.port;
    setenv("no_proxy", "127.0.0.1", 1); /* there are no threads yet */
    demo_print_head(urls, delay_ms);
    status = demo_run_all(options, &list);
    demo_server_stop(&server);
    return status;
}
