/* SPDX-License-Identifier: MIT */
/*
 * cases_copy.c - what moves data in the kernel, locks on files, ttys and eventfds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cases_file.h"

#define MUCH ((size_t)1 << 20) /* more than a socket holds */

/* ---- sendfile ---- */

struct taking {
    struct ends ends;
    size_t n;
};

/* Reads so much from there. */
static void *take(void *arg)
{
    struct taking *taking = arg;
    char data[8192];

    while (taking->n > 0) {
        ssize_t n = read(taking->ends.there, data, sizeof(data));

        if (!CHECK(n > 0))
            break;
        taking->n -= (size_t)n;
    }
    return NULL;
}

CASE(sendfile)
{
    struct taking taking = {ends_of_stream(), MUCH};
    struct beside *taker = beside(take, &taking);
    struct scratch scratch;
    off_t offset = 0;
    int into;

    scratch_open(&scratch);
    CHECK_INT(ftruncate(scratch.fd, MUCH), 0);
    CHECK_INT(sendfile(taking.ends.here, scratch.fd, &offset, 2 * MUCH), MUCH);
    CHECK_INT(offset, MUCH);
    beside_end(taker);
    ends_close(&taking.ends);
    into = open(scratch.other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK_INT(lseek(scratch.fd, 0, SEEK_SET), 0);
    CHECK_INT(sendfile(into, scratch.fd, NULL, MUCH), MUCH);
    offset = -1;
    CHECK_INT(sendfile(into, scratch.fd, &offset, 1), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(close(into), 0);
    scratch_close(&scratch);
}

CASE(copy_file_range)
{
    struct scratch scratch;
    off_t from = 7;
    off_t to = 0;
    char text[12];

    scratch_open(&scratch);
    CHECK_INT(copy_file_range(scratch.fd, &from, scratch.fd, &to, 5, 0), 5);
    CHECK_INT(from, 12);
    CHECK_INT(pread(scratch.fd, text, 12, 0), 12);
    CHECK(memcmp(text, "world, world", 12) == 0);
    scratch_close(&scratch);
}

/* ---- pipes ---- */

static void *write_hello(void *arg)
{
    const struct ends *ends = arg;

    CHECK_INT(write(ends->there, "hello", 5), 5);
    return NULL;
}

/* From a pipe that nothing is in yet; what came is read from the other end. */
static void case_of_moving(struct ends to,
                           ssize_t (*fn)(int in, int out, size_t n))
{
    struct ends from = ends_of_pipe();
    struct beside *writer = beside(write_hello, &from);
    char text[5] = "";

    CHECK_INT(fn(from.here, to.there, 100), 5);
    CHECK_INT(read(to.here, text, 5), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    beside_end(writer);
    ends_close(&from);
    ends_close(&to);
}

static ssize_t by_splice(int in, int out, size_t n)
{
    return splice(in, NULL, out, NULL, n, 0);
}

/* From a socket into a pipe. */
static void from_socket(void)
{
    struct ends from = ends_of_stream();
    struct ends to = ends_of_pipe();
    struct beside *writer = beside(write_hello, &from);
    char text[5] = "";

    CHECK_INT(splice(from.here, NULL, to.there, NULL, 100, 0), 5);
    CHECK_INT(read(to.here, text, 5), 5);
    beside_end(writer);
    ends_close(&from);
    ends_close(&to);
}

static void to_file_and_back(void)
{
    struct ends pipe = ends_of_pipe();
    struct scratch scratch;
    off_t at = 7;
    char text[5] = "";

    scratch_open(&scratch);

    CHECK_INT(splice(scratch.fd, &at, pipe.there, NULL, 100, 0), 5);
    at = 0;

    CHECK_INT(splice(pipe.here, NULL, scratch.fd, &at, 100, 0), 5);
    CHECK_INT(pread(scratch.fd, text, 5, 0), 5);
    CHECK(memcmp(text, "world", 5) == 0);
    ends_close(&pipe);
    scratch_close(&scratch);
}

CASE(splice)
{
    case_of_moving(ends_of_pipe(), by_splice);
    case_of_moving(ends_of_stream(), by_splice);
    from_socket();
    to_file_and_back();
}

static ssize_t by_tee(int in, int out, size_t n)
{
    return tee(in, out, n, 0);
}

CASE(tee)
{
    case_of_moving(ends_of_pipe(), by_tee);
}

/* Fills the pipe; what is read from it makes room for more. */
static void *take_all(void *arg)
{
    const struct ends *ends = arg;
    char data[4096];

    CHECK_INT(read(ends->here, data, sizeof(data)), sizeof(data));
    return NULL;
}

static void fill(const struct ends *ends)
{
    char data[4096] = "";
    struct iovec piece = {data, sizeof(data)};

    while (vmsplice(ends->there, &piece, 1, SPLICE_F_NONBLOCK) > 0)
        continue;
    CHECK_INT(errno, EAGAIN);
}

CASE(vmsplice)
{
    struct ends ends = ends_of_pipe();
    struct iovec piece = {(char[]){"hello"}, 5};
    struct beside *reader;
    struct beside *writer;
    char text[5] = "";

    fill(&ends);
    reader = beside(take_all, &ends);
    CHECK_INT(vmsplice(ends.there, &piece, 1, 0), 5);
    beside_end(reader);
    ends_close(&ends);
    ends = ends_of_pipe();
    writer = beside(write_hello, &ends);
    piece.iov_base = text;
    CHECK_INT(vmsplice(ends.here, &piece, 1, 0), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    beside_end(writer);
    ends_close(&ends);
}

/* ---- locks ---- */

static void *unlock_flock(void *arg)
{
    CHECK_INT(flock(*(int *)arg, LOCK_UN), 0);
    return NULL;
}

CASE(flock)
{
    struct beside *holder;
    struct scratch scratch;
    int fd;

    scratch_open(&scratch);
    fd = open(scratch.path, O_RDWR | O_CLOEXEC);
    CHECK_INT(flock(scratch.fd, LOCK_EX), 0);
    CHECK_INT(flock(fd, LOCK_EX | LOCK_NB), -1);
    CHECK_INT(errno, EWOULDBLOCK);
    holder = beside(unlock_flock, &scratch.fd);
    CHECK_INT(flock(fd, LOCK_EX), 0);
    beside_end(holder);
    CHECK_INT(close(fd), 0);
    CHECK_INT(flock(fd, LOCK_EX), -1);
    CHECK_INT(errno, EBADF);
    scratch_close(&scratch);
}

/* A child that holds a lock of its own, as those are the process's. */
struct holder {
    struct ends ends; /* a pipe that keeps it */
    pid_t child;
    int fd;
};

static void holder_begin(struct holder *holder, const char *path)
{
    char told;
    struct ends locked = ends_of_pipe();

    holder->ends = ends_of_pipe();
    holder->fd = open(path, O_RDWR | O_CLOEXEC);
    holder->child = fork();
    if (holder->child == 0) {
        (void)close(holder->ends.there);
        if (lockf(holder->fd, F_TLOCK, 0) != 0 ||
            write(locked.there, "x", 1) != 1 ||
            read(holder->ends.here, &told, 1) != 0)
            _exit(1);
        _exit(0);
    }
    CHECK(holder->child > 0);
    CHECK_INT(read(locked.here, &told, 1), 1);
    ends_close(&locked);
}

static void *let_go(void *arg)
{
    struct holder *holder = arg;

    CHECK_INT(close(holder->ends.there), 0);
    holder->ends.there = -1;
    return NULL;
}

static void holder_end(struct holder *holder)
{
    ends_close(&holder->ends);
    CHECK_INT(close(holder->fd), 0);
    CHECK_INT(waitpid(holder->child, NULL, 0), holder->child);
}

CASE(lockf)
{
    struct scratch scratch;
    struct holder holder;
    struct beside *one;

    scratch_open(&scratch);
    CHECK_INT(lseek(scratch.fd, 0, SEEK_SET), 0);
    holder_begin(&holder, scratch.path);
    CHECK_INT(lockf(scratch.fd, F_TLOCK, 0), -1);
    CHECK(errno == EAGAIN || errno == EACCES);
    CHECK_INT(lockf(scratch.fd, F_TEST, 0), -1);
    one = beside(let_go, &holder);
    CHECK_INT(lockf(scratch.fd, F_LOCK, 0), 0);
    CHECK_INT(lockf(scratch.fd, F_ULOCK, 0), 0);
    beside_end(one);
    holder_end(&holder);
    scratch_close(&scratch);
}

/* ---- ttys ---- */

static struct ends ends_of_tty(void) /* there is the main one */
{
    struct ends ends = {-1, posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};

    CHECK_INT(grantpt(ends.there), 0);
    CHECK_INT(unlockpt(ends.there), 0);
    ends.here = open(ptsname(ends.there), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(ends.here >= 0);
    return ends;
}

CASE(tcdrain)
{
    struct ends ends = ends_of_tty();
    int fd = open("/", O_RDONLY | O_CLOEXEC);

    CHECK_INT(write(ends.here, "hello\n", 6), 6);
    CHECK_INT(tcdrain(ends.here), 0);
    CHECK_INT(tcdrain(fd), -1);
    CHECK_INT(errno, ENOTTY);
    CHECK_INT(close(fd), 0);
    ends_close(&ends);
}

CASE(tcsetattr)
{
    struct ends ends = ends_of_tty();
    struct termios state;

    CHECK_INT(tcgetattr(ends.here, &state), 0);
    CHECK((state.c_lflag & ECHO) != 0);
    state.c_lflag &= ~(tcflag_t)ECHO;
    CHECK_INT(tcsetattr(ends.here, TCSADRAIN, &state), 0);
    CHECK_INT(tcgetattr(ends.here, &state), 0);
    CHECK((state.c_lflag & ECHO) == 0);
    CHECK_INT(tcsetattr(ends.here, TCSAFLUSH, &state), 0);
    CHECK_INT(tcsetattr(ends.here, TCSANOW, &state), 0);
    CHECK_INT(tcsetattr(ends.here, 77, &state), -1);
    CHECK_INT(errno, EINVAL);
    ends_close(&ends);
}

/* ---- eventfds ---- */

static void *add_five(void *arg)
{
    CHECK_INT(eventfd_write(*(int *)arg, 5), 0);
    return NULL;
}

CASE(eventfd_read)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    struct beside *writer = beside(add_five, &fd);
    eventfd_t value = 0;

    CHECK_INT(eventfd_read(fd, &value), 0);
    CHECK_INT((long)value, 5);
    beside_end(writer);
    CHECK_INT(close(fd), 0);
    CHECK_INT(eventfd_read(fd, &value), -1);
    CHECK_INT(errno, EBADF);
}

static void *take_it(void *arg)
{
    eventfd_t value;

    CHECK_INT(eventfd_read(*(int *)arg, &value), 0);
    return NULL;
}

CASE(eventfd_write)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    struct beside *reader;

    CHECK_INT(eventfd_write(fd, UINT64_MAX - 1), 0);
    reader = beside(take_it, &fd);
    CHECK_INT(eventfd_write(fd, 1), 0);
    beside_end(reader);
    CHECK_INT(close(fd), 0);
}
