/* SPDX-License-Identifier: MIT */
/*
 * fetch_command.c - `thrum fetch`: from arguments to an exit status.
 */
#include "fetch_command.h"

#include <sys/resource.h>

#include <thrum/error.h>

#include "demo.h"
#include "demo_server.h"
#include "fetch.h"
#include "fetch_options.h"
#include "interrupt.h"
#include "status.h"
#include "timeline.h"
#include "transfer.h"
#include "url_list.h"

static const char *fetch_command_next(void *self, int *ret_error)
{
    return url_list_next(self, ret_error);
}

static int fetch_command_say(const char *what, int rc)
{
    fprintf(stderr, "thrum: %s: %s\n", what, thrum_strerror(rc));
    return STATUS_USAGE;
}

/* How it went, in a line for people. */
static void fetch_command_sum_up(const struct fetch_report *report)
{
    if (report->interrupted)
        fputs("interrupted: ", stderr);
    fprintf(stderr, "%zu fetched, %zu failed", report->ok, report->failed);
    if (report->cancelled > 0)
        fprintf(stderr, ", %zu stopped", report->cancelled);
    fprintf(stderr, ", in %.2f s, at most %d at once\n",
            (double)report->wall_ns / 1e9, report->workers);
}

static int fetch_command_timeline(const struct fetch_options *options,
                                  const struct fetch_report *report)
{
    int rc;

    if (options->timeline == NULL)
        return STATUS_OK;
    rc = timeline_write(options->timeline, report, 1);
    if (rc == 0)
        return STATUS_OK;
    fetch_command_say(options->timeline, rc);
    return STATUS_OUTPUT;
}

/* What the run says as an exit status. */
static int fetch_command_status(const struct fetch_report *report, int rc)
{
    if (report->interrupted)
        return 128 + interrupt_signal();
    if (report->results_failed)
        return STATUS_OUTPUT;
    if (rc < 0 || report->error < 0)
        return STATUS_USAGE;
    return report->ok == report->count ? STATUS_OK : STATUS_FAILED;
}

static int fetch_command_run(const struct fetch_arguments *arguments,
                             struct url_list *list)
{
    const struct fetch_options *options = &arguments->fetch;
    struct fetch_source source = {fetch_command_next, list,
                                  url_list_count(list)};
    struct fetch_report report;
    int rc = fetch_run(options, &source, &report);
    int status = fetch_command_status(&report, rc);

    if (rc == 0 && report.count == 0 && status == STATUS_OK) {
        fputs("thrum: no URLs\n", stderr);
        status = STATUS_USAGE;
    } else if (rc == 0) {
        int drawn = fetch_command_timeline(options, &report);

        if (drawn > status)
            status = drawn;
        if (!options->quiet)
            fetch_command_sum_up(&report);
    }
    fetch_report_free(&report);
    return status;
}

static int fetch_command_list(const struct fetch_arguments *arguments)
{
    struct url_list list;
    int status;
    int rc = 0;

    url_list_init(&list);
    url_list_set_arguments(&list, arguments->urls, arguments->url_count);
    if (arguments->input != NULL)
        rc = url_list_open(&list, arguments->input);
    if (rc < 0)
        return fetch_command_say(arguments->input, rc);
    status = fetch_command_run(arguments, &list);
    url_list_close(&list);
    return status;
}

static int fetch_command_do(const struct fetch_arguments *arguments)
{
    if (arguments->demo)
        return demo_run(&arguments->fetch, arguments->demo_delay,
                        arguments->demo_urls);
    return fetch_command_list(arguments);
}

/* Each transfer has a connection, and often there may be 1024 descriptors only
 * because some programs still use select(). */
static void fetch_command_raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int fetch_command(int argc, char **argv)
{
    struct fetch_arguments arguments;
    int status;
    int rc = fetch_options_parse(argc, argv, &arguments);

    if (rc < 0)
        return STATUS_USAGE;
    if (arguments.help) {
        fetch_options_help(stdout);
        return STATUS_OK;
    }
    if (arguments.demo_server >= 0)
        return demo_server_main(arguments.demo_server);
    fetch_command_raise_limit();
    rc = interrupt_catch();
    if (rc == 0)
        rc = transfer_begin();
    if (rc < 0)
        return fetch_command_say("cannot begin", rc);
    status = fetch_command_do(&arguments);
    transfer_end();
    return status;
}
