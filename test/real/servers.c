/* SPDX-License-Identifier: MIT */
/*
 * test/real/servers.c - starts servers by way of keeper.py.
 */
#include "servers.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A test program has one or two. */
#define SERVERS_MOST 4

static struct {
    const char *kind;
    bool runs;
} servers[SERVERS_MOST];

/* "NAME=VALUE" into the environment; true for the last line, "ready". */
static bool server_line(char *line)
{
    char *equals = strchr(line, '=');

    line[strcspn(line, "\n")] = '\0';
    if (equals != NULL) {
        *equals = '\0';
        setenv(line, equals + 1, 1);
    }
    return strcmp(line, "ready") == 0;
}

/* What the keeper says: true when the server is ready. */
static bool server_listen(const char *kind, int fd)
{
    char line[4096];
    bool ready = false;
    bool missing = false;
    FILE *file = fdopen(fd, "r");

    if (file == NULL)
        abort();
    while (!ready && fgets(line, sizeof(line), file) != NULL) {
        ready = server_line(line);
        missing = missing || strncmp(line, "missing", 7) == 0;
        if (missing)
            printf("# %s: %s\n", kind, line);
    }
    fclose(file);
    if (!ready && !missing)
        (void)CHECK(!"the server starts");
    return ready;
}

/* The keeper reads from one pipe and writes into the other. */
static bool server_spawn(const char *kind, int in, int out)
{
    char *argv[] = {strdup(TEST_PYTHON), strdup(TEST_KEEPER), strdup(kind),
                    NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int rc;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    rc = posix_spawnp(&pid, TEST_PYTHON, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 3; i++)
        free(argv[i]);
    if (!CHECK_INT(rc, 0))
        return false;
    /* it leaves at once, for the tests look for children */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return true;
}

/* The writing end of `in` stays open until the program ends. */
static bool server_keep(const char *kind)
{
    int in[2];
    int out[2];
    bool ready;

    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        abort();
    ready = server_spawn(kind, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    if (ready)
        ready = server_listen(kind, out[0]);
    else
        close(out[0]);
    if (!ready)
        close(in[1]);
    return ready;
}

bool server_start(const char *kind)
{
    int i = 0;

    while (i < SERVERS_MOST && servers[i].kind != NULL &&
           strcmp(servers[i].kind, kind) != 0)
        i++;
    if (i == SERVERS_MOST)
        abort();
    if (servers[i].kind == NULL) {
        servers[i].kind = kind;
        servers[i].runs = server_keep(kind);
    }
    return servers[i].runs;
}

const char *server_variable(const char *name)
{
    const char *value = getenv(name);

    if (value == NULL) {
        fprintf(stderr, "# no server has told of %s\n", name);
        abort();
    }
    return value;
}
