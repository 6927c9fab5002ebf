/* SPDX-License-Identifier: MIT */
/*
 * waits_file.c - waits for children, files and streams.
 */
#include "waits.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char wait_much[WAIT_MUCH];

/* ---- processes ---- */

static void wait_name(struct wait *wait)
{
    static atomic_uint count;

    (void)snprintf(wait->path, sizeof(wait->path), "/tmp/thrum-wait-%d-%u",
                   (int)getpid(), atomic_fetch_add(&count, 1u));
}

/* A child that ends with 7 when the pipe is closed. It has a group of its own,
 * which both see to: a patched vfork() is a fork(). */
static void wait_make_child(struct wait *wait)
{
    wait->ends = ends_of_pipe();
    CHECK_INT(fcntl(wait->ends.there, F_SETFD, FD_CLOEXEC), 0);
    wait->pid = vfork();
    if (wait->pid == 0) {
        (void)setpgid(0, 0);
        (void)dup2(wait->ends.here, 0);
        execl("/bin/sh", "sh", "-c", "read x; exit 7", (char *)NULL);
        _exit(127);
    }
    CHECK(wait->pid > 0);
    (void)setpgid(wait->pid, wait->pid);
}

static long wait_of_child(struct wait *wait, pid_t pid, int status)
{
    if (pid < 0)
        return -1;
    wait->pid = 0;
    CHECK_INT(WEXITSTATUS(status), 7);
    return pid;
}

static long wait_in_waitpid(struct wait *wait)
{
    int status = 0;
    pid_t pid = waitpid(wait->pid, &status, 0);

    return wait_of_child(wait, pid, status);
}

/* Any of a group, and not any child: it would reap those of others. */
static long wait_in_wait_for_any(struct wait *wait)
{
    int status = 0;
    pid_t pid = waitpid(-wait->pid, &status, 0);

    return wait_of_child(wait, pid, status);
}

static long wait_in_waitid(struct wait *wait)
{
    siginfo_t info = {.si_status = 0};
    int rc = waitid(P_PID, (id_t)wait->pid, &info, WEXITED);

    return wait_of_child(wait, rc < 0 ? -1 : wait->pid,
                         W_EXITCODE(info.si_status, 0));
}

static void wait_drop_child(struct wait *wait)
{
    int status;

    wait_drop_ends(wait);
    if (wait->pid > 0)
        CHECK_INT(waitpid(wait->pid, &status, 0), wait->pid);
}

static void wait_make_command(struct wait *wait)
{
    wait_name(wait);
    CHECK_INT(close(open(wait->path, O_WRONLY | O_CREAT, 0600)), 0);
}

static long wait_in_system(struct wait *wait)
{
    char command[160];
    int status;

    (void)snprintf(command, sizeof(command),
                   "while [ -e %s ]; do sleep 0.01; done; exit 7", wait->path);
    status = system(command);
    if (status != -1)
        CHECK_INT(WEXITSTATUS(status), 7);
    return status;
}

static void wait_let_end(struct wait *wait)
{
    CHECK_INT(unlink(wait->path), 0);
    wait->path[0] = '\0';
}

static void wait_drop_command(struct wait *wait)
{
    if (wait->path[0] != '\0')
        CHECK_INT(unlink(wait->path), 0);
}

static void wait_make_popen(struct wait *wait)
{
    wait->stream = popen("read x; exit 7", "w");
    CHECK(wait->stream != NULL);
    wait->ends = (struct ends){-1, dup(fileno(wait->stream))};
    CHECK_INT(fcntl(wait->ends.there, F_SETFD, FD_CLOEXEC), 0);
}

static long wait_in_pclose(struct wait *wait)
{
    FILE *stream = wait->stream;
    int status;

    wait->stream = NULL;
    status = pclose(stream);
    if (status != -1)
        CHECK_INT(WEXITSTATUS(status), 7);
    return status;
}

static bool wait_has_child(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* One that was left behind is reaped by a thread. */
static void wait_drop_popen(struct wait *wait)
{
    wait_drop_ends(wait);
    if (wait->stream != NULL)
        (void)pclose(wait->stream);
    WAIT_UNTIL(!wait_has_child());
}

/* ---- files ---- */

static void wait_make_fifo(struct wait *wait)
{
    wait_name(wait);
    CHECK_INT(mkfifo(wait->path, 0600), 0);
}

static long wait_in_open(struct wait *wait)
{
    wait->ends.here = open(wait->path, O_RDONLY | O_CLOEXEC);
    return wait->ends.here;
}

static long wait_in_open_to_write(struct wait *wait)
{
    wait->ends.here = open(wait->path, O_WRONLY | O_CLOEXEC);
    return wait->ends.here;
}

static void wait_let_open(struct wait *wait)
{
    wait->ends.there = open(wait->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    CHECK(wait->ends.there >= 0);
}

static void wait_drop_path(struct wait *wait)
{
    wait_drop_ends(wait);
    CHECK_INT(unlink(wait->path), 0);
}

/* here waits for what there has. */
static void wait_make_locked(struct wait *wait)
{
    wait_name(wait);
    wait->ends.there = open(wait->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    wait->ends.here = open(wait->path, O_RDWR | O_CLOEXEC);
    CHECK_INT(flock(wait->ends.there, LOCK_EX), 0);
}

static long wait_in_flock(struct wait *wait)
{
    return flock(wait->ends.here, LOCK_EX);
}

static void wait_make_range(struct wait *wait)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    wait_make_locked(wait);
    CHECK_INT(fcntl(wait->ends.there, F_OFD_SETLK, &lock), 0);
}

static long wait_in_fcntl(struct wait *wait)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(wait->ends.here, F_OFD_SETLKW, &lock);
}

static void wait_make_splice(struct wait *wait)
{
    wait->ends = ends_of_pipe();
    wait->other = open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static long wait_in_splice(struct wait *wait)
{
    return splice(wait->ends.here, NULL, wait->other, NULL, 6, 0);
}

/* ---- streams ---- */

static void wait_make_reader(struct wait *wait)
{
    wait->ends = ends_of_pipe();
    wait->stream = fdopen(wait->ends.here, "r");
    CHECK(wait->stream != NULL);
    wait->ends.here = -1;
}

static void wait_drop_stream(struct wait *wait)
{
    wait_drop_ends(wait);
    (void)fclose(wait->stream);
}

static long wait_in_fgets(struct wait *wait)
{
    char line[16];

    return fgets(line, sizeof(line), wait->stream) == NULL ? -1 : 0;
}

static long wait_in_getline(struct wait *wait)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n = getline(&line, &room, wait->stream);

    free(line);
    return n;
}

static long wait_in_fread(struct wait *wait)
{
    char bytes[6];

    return fread(bytes, 1, 6, wait->stream) == 6 ? 6 : -1;
}

static long wait_in_fgetc(struct wait *wait)
{
    return fgetc(wait->stream);
}

static void wait_make_writer(struct wait *wait)
{
    wait_make_pipe_to(wait);
    wait->stream = fdopen(wait->ends.here, "w");
    CHECK(wait->stream != NULL);
    wait->ends.here = -1;
}

static long wait_in_fwrite(struct wait *wait)
{
    return fwrite(wait_much, 1, WAIT_MUCH, wait->stream) == WAIT_MUCH ? 0 : -1;
}

static void wait_drop_writer(struct wait *wait)
{
    char bytes[4096];

    CHECK_INT(fcntl(wait->ends.there, F_SETFL, O_NONBLOCK), 0);
    while (read(wait->ends.there, bytes, sizeof(bytes)) > 0)
        continue;
    (void)fclose(wait->stream);
    wait_drop_ends(wait);
}

/* clang-format off */
const struct wait_kind waits_file[] = {
    {"waitpid", wait_make_child, wait_in_waitpid, wait_close_there, wait_drop_child, 0},
    {"waitpid of any", wait_make_child, wait_in_wait_for_any, wait_close_there, wait_drop_child, 0},
    {"waitid", wait_make_child, wait_in_waitid, wait_close_there, wait_drop_child, 0},
    {"system", wait_make_command, wait_in_system, wait_let_end, wait_drop_command, WAIT_ONCE | WAIT_STARTS},
    {"pclose", wait_make_popen, wait_in_pclose, wait_close_there, wait_drop_popen, WAIT_BY_THREAD | WAIT_ONCE},
    {"open", wait_make_fifo, wait_in_open, wait_let_open, wait_drop_path, WAIT_NO_FILES},
    {"open to write", wait_make_fifo, wait_in_open_to_write, wait_let_open, wait_drop_path, WAIT_NO_FILES},
    {"flock", wait_make_locked, wait_in_flock, wait_close_there, wait_drop_path, 0},
    {"fcntl", wait_make_range, wait_in_fcntl, wait_close_there, wait_drop_path, 0},
    {"splice", wait_make_splice, wait_in_splice, wait_let_in, wait_drop_ends, 0},
    {"fgets", wait_make_reader, wait_in_fgets, wait_let_in, wait_drop_stream, 0},
    {"getline", wait_make_reader, wait_in_getline, wait_let_in, wait_drop_stream, 0},
    {"fread", wait_make_reader, wait_in_fread, wait_let_in, wait_drop_stream, 0},
    {"fgetc", wait_make_reader, wait_in_fgetc, wait_let_in, wait_drop_stream, 0},
    {"fwrite", wait_make_writer, wait_in_fwrite, wait_let_out, wait_drop_writer, WAIT_LOUD | WAIT_ONCE},
    {NULL, NULL, NULL, NULL, NULL, 0},
};
/* clang-format on */
