/* SPDX-License-Identifier: MIT */
/*
 * main.c - the command `thrum`: finds the subcommand and calls it.
 *
 * A subcommand is a line in the table below. It gets the program's name as
 * argv[0], for getopt's messages, and returns the exit status.
 */
#include <stdio.h>
#include <string.h>

#include <thrum/base.h>
#include <thrum/process_pool.h>

#include "fetch_command.h"
#include "fetch_options.h"
#include "status.h"

struct subcommand {
    const char *name;
    const char *about;
    int (*run)(int argc, char **argv);
    void (*help)(FILE *out);
};

static const struct subcommand subcommands[] = {
    {"fetch", "fetch many URLs at once", fetch_command, fetch_options_help},
};

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static void main_help(FILE *out)
{
    fputs("Usage: thrum COMMAND [ARGUMENT...]\n\nCommands:\n", out);
    for (size_t i = 0; i < SUBCOMMANDS; i++)
        fprintf(out, "  %-14s%s\n", subcommands[i].name, subcommands[i].about);
    fputs("  help COMMAND  what a command can do\n"
          "  version       print the version and exit\n"
          "\n"
          "Options:\n"
          "  --help       print this and exit\n"
          "  --version    print the version and exit\n"
          "\n"
          "To see it at work: thrum fetch --demo\n",
          out);
}

static const struct subcommand *main_find(const char *name)
{
    for (size_t i = 0; i < SUBCOMMANDS; i++)
        if (strcmp(subcommands[i].name, name) == 0)
            return &subcommands[i];
    return NULL;
}

static int main_unknown(const char *name)
{
    fprintf(stderr,
            "thrum: there is no command '%s'.\n"
            "'thrum --help' lists the commands.\n",
            name);
    return STATUS_USAGE;
}

static int main_help_of(const char *name)
{
    const struct subcommand *found = main_find(name);

    if (found == NULL)
        return main_unknown(name);
    found->help(stdout);
    return STATUS_OK;
}

/* What was said on standard output is only said when it got there. */
static int main_end(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("thrum: standard output");
    return status == STATUS_OK ? STATUS_OUTPUT : status;
}

static int main_run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    const struct subcommand *found;

    if (name == NULL) {
        main_help(stderr);
        return STATUS_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        main_help(stdout);
        return STATUS_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        printf("thrum %s\n", thrum_version_string());
        return STATUS_OK;
    }
    if (strcmp(name, "help") == 0) {
        if (argc > 2)
            return main_help_of(argv[2]);
        main_help(stdout);
        return STATUS_OK;
    }
    found = main_find(name);
    if (found == NULL)
        return main_unknown(name);
    argv[1] = argv[0];
    return found->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    thrum_worker_main(); /* for a program that is linked statically */
    return main_end(main_run(argc, argv));
}
