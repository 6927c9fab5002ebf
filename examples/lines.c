/* SPDX-License-Identifier: MIT */
/*
 * lines.c - a server that adds up numbers, a line at a time; a file of what it
 * was asked; and the end of a child process.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* doc: lines */
static void add_up(int fd, void *arg)
{
    thrum_reader *reader;
    const char *line;
    long sum = 0;
    char answer[32];

    (void)arg;
    CHECK(thrum_reader_new(fd, NULL, &reader));
    while (thrum_reader_line(reader, thrum_in_s(30), &line) > 0)
        sum += strtol(line, NULL, 10); /* its end is still behind it */
    snprintf(answer, sizeof(answer), "%ld\n", sum);
    CHECK(thrum_write_all(fd, answer, strlen(answer), thrum_in_s(30)));
    thrum_reader_free(reader);
}
/* doc: end */

static int port_of(const thrum_server *server)
{
    struct sockaddr_in here;
    unsigned length = sizeof(here);

    CHECK(thrum_server_address(server, (struct sockaddr *)&here, &length));
    return ntohs(here.sin_port);
}

static void ask(int port)
{
    static const char numbers[] = "1\n20\n300\n\n";
    char address[32];
    char answer[32];
    int64_t n;
    int fd;

    snprintf(address, sizeof(address), "127.0.0.1:%d", port);
    fd = CHECK(thrum_connect_to(address, thrum_in_s(5)));
    CHECK(thrum_write_all(fd, numbers, strlen(numbers), thrum_in_s(5)));
    n = thrum_read(fd, answer, sizeof(answer), thrum_in_s(5));
    printf("sum: %.*s", (int)n, answer);
    thrum_close(fd);
}

/* doc: file */
static void note(const char *path, const char *text)
{
    int fd = CHECK(
        thrum_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, THRUM_FOREVER));

    CHECK((int)thrum_pwrite(fd, text, strlen(text), 0, THRUM_FOREVER));
    CHECK(thrum_fsync(fd, THRUM_FOREVER));
    thrum_close(fd);
}
/* doc: end */

/* doc: child */
static int run(char *const argv[])
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        execv(argv[0], argv);
        _exit(127);
    }
    CHECK(thrum_waitpid(pid, &status, thrum_in_s(60)));
    return WEXITSTATUS(status);
}
/* doc: end */

int main(void)
{
    char path[] = "/tmp/thrum-lines-XXXXXX";
    char sh[] = "/bin/sh", c[] = "-c", test[] = "test \"$(cat $0)\" = 3";
    char *const argv[] = {sh, c, test, path, NULL};
    thrum_server *server;

    CHECK(thrum_stream_server_new("127.0.0.1:0", add_up, NULL, NULL, &server));
    ask(port_of(server));
    thrum_server_free(server);
    close(CHECK(mkstemp(path)));
    note(path, "3");
    printf("the child says %d\n", run(argv));
    unlink(path);
    return 0;
}
