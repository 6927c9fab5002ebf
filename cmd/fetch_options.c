/* SPDX-License-Identifier: MIT */
/*
 * fetch_options.c - the arguments of `thrum fetch`.
 *
 * Each number has its bounds in a table, so that they all get the same check
 * and the same message.
 */
#include "fetch_options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "executors.h"

enum {
    OPTION_TIMEOUT = 256,
    OPTION_RETRIES,
    OPTION_MAX_BYTES,
    OPTION_RESULTS,
    OPTION_FORMAT,
    OPTION_TIMELINE,
    OPTION_PROGRESS,
    OPTION_DEMO,
    OPTION_DEMO_DELAY,
    OPTION_DEMO_URLS,
    OPTION_DEMO_SERVER,
};

static const struct option fetch_options_long[] = {
    {"input", required_argument, NULL, 'i'},
    {"executor", required_argument, NULL, 'x'},
    {"jobs", required_argument, NULL, 'j'},
    {"output", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"retries", required_argument, NULL, OPTION_RETRIES},
    {"max-bytes", required_argument, NULL, OPTION_MAX_BYTES},
    {"results", required_argument, NULL, OPTION_RESULTS},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"timeline", required_argument, NULL, OPTION_TIMELINE},
    {"progress", required_argument, NULL, OPTION_PROGRESS},
    {"demo", no_argument, NULL, OPTION_DEMO},
    {"demo-delay", required_argument, NULL, OPTION_DEMO_DELAY},
    {"demo-urls", required_argument, NULL, OPTION_DEMO_URLS},
    {"demo-server", required_argument, NULL, OPTION_DEMO_SERVER},
    {NULL, 0, NULL, 0},
};

void fetch_options_help(FILE *out)
{
    fputs("Usage: thrum fetch [OPTION...] URL...\n"
          "       thrum fetch [OPTION...] -i FILE\n"
          "       thrum fetch --demo\n"
          "\n"
          "Fetches URLs (http, https), many at once.\n"
          "\n"
          "  -i, --input FILE      read URLs from FILE, one a line; - is the\n"
          "                        standard input; # begins a comment\n"
          "  -x, --executor KIND   what runs the transfers:\n",
          out);
    for (const struct executor_kind *kind = executor_kinds; kind->name; kind++)
        fprintf(out, "                          %-10s %s\n", kind->name,
                kind->about);
    fputs("                        (default: threads)\n"
          "  -j, --jobs N          at most N at once, 1 to 65536 (default:\n"
          "                        by the CPUs; green: by ulimit -n)\n"
          "      --timeout SECONDS for each attempt (default: none)\n"
          "      --retries N       more attempts after an error that may pass\n"
          "                        (default: 0)\n"
          "      --max-bytes N     give up a body that is longer\n"
          "\n"
          "  -o, --output DIR      save the bodies in DIR\n"
          "      --results FILE    write a line for each URL; - is the\n"
          "                        standard output\n"
          "      --format FORMAT   of the results: json or csv (default: csv\n"
          "                        if FILE ends with .csv, else json)\n"
          "      --timeline FILE   write a picture of the run, in HTML\n"
          "      --progress WHEN   auto, always or never\n"
          "  -q, --quiet           no progress, no messages for single URLs\n"
          "\n"
          "      --demo            fetch from a local server, with each\n"
          "                        executor in turn, and compare\n"
          "      --demo-delay MS   after which it answers (default: 100)\n"
          "      --demo-urls N     how many to fetch (default: 100)\n"
          "  -h, --help            print this and exit\n"
          "\n"
          "Exit status: 0 all fetched; 1 some failed; 2 bad option or input;\n"
          "3 results could not be written; 130 after Ctrl-C.\n",
          out);
}

static int fetch_options_refuse(const char *option, const char *value,
                                const char *wanted)
{
    fprintf(stderr, "thrum: %s: '%s' is not %s\n", option, value, wanted);
    return -EINVAL;
}

static int fetch_options_number(const char *option, const char *value,
                                long least, long most, int *ret)
{
    char *end;
    long number;
    char wanted[64];

    errno = 0;
    number = strtol(value, &end, 10);
    if (end == value || *end != '\0' || errno != 0 || number < least ||
        number > most) {
        snprintf(wanted, sizeof(wanted), "a number from %ld to %ld", least,
                 most);
        return fetch_options_refuse(option, value, wanted);
    }
    *ret = (int)number;
    return 0;
}

static int fetch_options_seconds(const char *option, const char *value,
                                 double *ret)
{
    char *end;
    double number = strtod(value, &end);

    /* A million seconds: milliseconds fit into 32 bits then. */
    if (end == value || *end != '\0' || !(number > 0 && number <= 1e6))
        return fetch_options_refuse(option, value,
                                    "a number of seconds above 0, at most "
                                    "1000000");
    *ret = number;
    return 0;
}

static int fetch_options_bytes(const char *option, const char *value,
                               uint64_t *ret)
{
    char *end;
    unsigned long long number;

    errno = 0;
    number = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || errno != 0 ||
        number == 0 || number > INT64_MAX)
        return fetch_options_refuse(option, value, "a number of bytes above 0");
    *ret = number;
    return 0;
}

static int fetch_options_executor(const char *value, const char **ret)
{
    const struct executor_kind *kind = executor_kind_find(value);

    if (kind != NULL) {
        *ret = kind->name;
        return 0;
    }
    fprintf(stderr, "thrum: -x: there is no executor '%s', only:", value);
    for (kind = executor_kinds; kind->name != NULL; kind++)
        fprintf(stderr, " %s", kind->name);
    fputc('\n', stderr);
    return -EINVAL;
}

static int fetch_options_format(const char *value, enum fetch_format *ret)
{
    if (strcmp(value, "json") == 0)
        *ret = FETCH_FORMAT_JSON;
    else if (strcmp(value, "csv") == 0)
        *ret = FETCH_FORMAT_CSV;
    else
        return fetch_options_refuse("--format", value, "json or csv");
    return 0;
}

static int fetch_options_progress(const char *value, enum fetch_progress *ret)
{
    if (strcmp(value, "auto") == 0)
        *ret = FETCH_PROGRESS_AUTO;
    else if (strcmp(value, "always") == 0)
        *ret = FETCH_PROGRESS_ALWAYS;
    else if (strcmp(value, "never") == 0)
        *ret = FETCH_PROGRESS_NEVER;
    else
        return fetch_options_refuse("--progress", value,
                                    "auto, always or never");
    return 0;
}

/* The options that say how to fetch; 1 for any other. */
static int fetch_options_set(struct fetch_options *options, int option,
                             const char *value)
{
    switch (option) {
    case 'x':
        return fetch_options_executor(value, &options->executor);
    case 'j':
        return fetch_options_number("-j", value, 1, 65536, &options->workers);
    case OPTION_TIMEOUT:
        return fetch_options_seconds("--timeout", value, &options->timeout);
    case OPTION_RETRIES:
        return fetch_options_number("--retries", value, 0, 1000,
                                    &options->retries);
    case OPTION_MAX_BYTES:
        return fetch_options_bytes("--max-bytes", value, &options->max_bytes);
    case 'o':
        options->output = value;
        return 0;
    case OPTION_RESULTS:
        options->results = value;
        return 0;
    case OPTION_FORMAT:
        return fetch_options_format(value, &options->format);
    case OPTION_TIMELINE:
        options->timeline = value;
        options->keep_records = true;
        return 0;
    case OPTION_PROGRESS:
        return fetch_options_progress(value, &options->progress);
    case 'q':
        options->quiet = true;
        return 0;
    default:
        return 1;
    }
}

/* The options that say what to do. */
static int fetch_options_set_job(struct fetch_arguments *arguments, int option,
                                 const char *value)
{
    switch (option) {
    case 'i':
        arguments->input = value;
        return 0;
    case 'h':
        arguments->help = true;
        return 0;
    case OPTION_DEMO:
        arguments->demo = true;
        return 0;
    case OPTION_DEMO_DELAY:
        return fetch_options_number("--demo-delay", value, 0, 60000,
                                    &arguments->demo_delay);
    case OPTION_DEMO_URLS:
        return fetch_options_number("--demo-urls", value, 1, 1000000,
                                    &arguments->demo_urls);
    case OPTION_DEMO_SERVER:
        return fetch_options_number("--demo-server", value, 0, 60000,
                                    &arguments->demo_server);
    default: /* getopt has told what is wrong */
        fputs("'thrum fetch --help' lists the options.\n", stderr);
        return -EINVAL;
    }
}

static int fetch_options_check(const struct fetch_arguments *arguments)
{
    const char *problem = NULL;

    if (arguments->demo &&
        (arguments->url_count > 0 || arguments->input != NULL))
        problem = "--demo has its own URLs";
    else if (!arguments->demo && arguments->url_count == 0 &&
             arguments->input == NULL)
        problem = "no URLs; give some, or -i FILE";
    if (problem == NULL || arguments->help || arguments->demo_server >= 0)
        return 0;
    fprintf(stderr,
            "thrum: %s\n"
            "'thrum fetch --help' lists the options.\n",
            problem);
    return -EINVAL;
}

int fetch_options_parse(int argc, char **argv, struct fetch_arguments *ret)
{
    int option;
    int rc;

    memset(ret, 0, sizeof(*ret));
    ret->fetch.executor = "threads";
    ret->demo_delay = 100;
    ret->demo_urls = 100;
    ret->demo_server = -1;
    optind = 0; /* so that it can be called more than once */
    while ((option = getopt_long(argc, argv, "i:x:j:o:qh", fetch_options_long,
                                 NULL)) != -1) {
        rc = fetch_options_set(&ret->fetch, option, optarg);
        if (rc == 1)
            rc = fetch_options_set_job(ret, option, optarg);
        if (rc < 0)
            return rc;
    }
    ret->urls = argv + optind;
    ret->url_count = (size_t)(argc - optind);
    if (ret->fetch.quiet && ret->fetch.progress == FETCH_PROGRESS_AUTO)
        ret->fetch.progress = FETCH_PROGRESS_NEVER;
    return fetch_options_check(ret);
}
