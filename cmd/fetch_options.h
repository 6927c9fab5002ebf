/* SPDX-License-Identifier: MIT */
/*
 * fetch_options.h - the arguments of `thrum fetch`.
 */
#ifndef FETCH_OPTIONS_H
#define FETCH_OPTIONS_H

#include "fetch.h"

/* What to do, beside what to fetch and how. */
struct fetch_arguments {
    struct fetch_options fetch;
    char *const *urls; /* borrowed from argv */
    size_t url_count;
    const char *input; /* a file with more of them, "-", or NULL */
    bool help;         /* print the help, nothing else */
    bool demo;         /* show it at work instead */
    int demo_delay;    /* ms until the demo's server answers */
    int demo_urls;     /* how many it fetches */
    int demo_server;   /* be that server, answer after so many ms; or -1 */
};

/* Reads the arguments; argv[0] is the subcommand. 0, or -EINVAL after a
 * message on stderr. */
int fetch_options_parse(int argc, char **argv, struct fetch_arguments *ret);

void fetch_options_help(FILE *out);

#endif /* FETCH_OPTIONS_H */
