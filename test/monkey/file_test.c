/* SPDX-License-Identifier: MIT */
/*
 * file_test.c - what files, FIFOs and their locks do in greenlets.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cases_file.h"

static void finish(thrum_future *future)
{
    case_await(future);
}

/* Kills one that has begun to wait; it must end without a failed check. */
static void kill_it(thrum_future *future)
{
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
}

static bool has_nonblock(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

static unsigned open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* ---- a child that keeps something until it is told ---- */

struct keeper {
    struct ends until; /* a pipe: closed there, the child gives it up */
    pid_t child;
};

static void keeper_begin(struct keeper *keeper, const char *path,
                         int (*take)(int fd), int (*give)(int fd))
{
    struct ends taken = ends_of_pipe();
    char byte;
    int fd;

    keeper->until = ends_of_pipe();
    keeper->child = fork();
    if (keeper->child == 0) {
        (void)close(keeper->until.there);
        (void)close(taken.here);
        signal(SIGIO, SIG_IGN);
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (take(fd) != 0 || write(taken.there, "x", 1) != 1 ||
            read(keeper->until.here, &byte, 1) != 0 || give(fd) != 0)
            _exit(1);
        _exit(0);
    }
    CHECK_INT(close(taken.there), 0);
    taken.there = -1;
    CHECK_INT(read(taken.here, &byte, 1), 1);
    ends_close(&taken);
}

static void *keeper_tell(void *arg)
{
    struct keeper *keeper = arg;

    CHECK_INT(close(keeper->until.there), 0);
    keeper->until.there = -1;
    return NULL;
}

static void keeper_end(struct keeper *keeper)
{
    int status = -1;

    ends_close(&keeper->until);
    CHECK_INT(waitpid(keeper->child, &status, 0), keeper->child);
    CHECK_INT(status, 0);
}

/* ---- regular files ---- */

#define HALF ((size_t)512 << 10)

/* A file of which only the first half is in memory. */
static void half_in_memory(struct scratch *scratch)
{
    char *data = calloc(2, HALF);

    scratch_open(scratch);
    memset(data, 'a', HALF);
    memset(data + HALF, 'b', HALF);
    CHECK_INT(pwrite(scratch->fd, data, 2 * HALF, 0), 2 * HALF);
    CHECK_INT(fsync(scratch->fd), 0);
    CHECK_INT(posix_fadvise(scratch->fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    CHECK_INT(posix_fadvise(scratch->fd, 0, 0, POSIX_FADV_RANDOM), 0);
    CHECK_INT(pread(scratch->fd, data, HALF, 0), HALF);
    free(data);
}

static void case_of_half(ssize_t (*fn)(int fd, char *into, size_t n))
{
    struct scratch scratch;
    char *data = calloc(2, HALF);

    half_in_memory(&scratch);
    CHECK_INT(lseek(scratch.fd, 0, SEEK_SET), 0);
    CHECK_INT(fn(scratch.fd, data, 2 * HALF), 2 * HALF);
    CHECK(data[0] == 'a' && data[HALF - 1] == 'a');
    CHECK(data[HALF] == 'b' && data[2 * HALF - 1] == 'b');
    free(data);
    scratch_close(&scratch);
}

static ssize_t by_read(int fd, char *into, size_t n)
{
    return read(fd, into, n);
}

static ssize_t by_readv(int fd, char *into, size_t n)
{
    struct iovec vector[2] = {{into, 5}, {into + 5, n - 5}};

    return readv(fd, vector, 2);
}

/* Which means nothing to a file. */
static ssize_t by_read_nonblock(int fd, char *into, size_t n)
{
    CHECK_INT(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return read(fd, into, n);
}

static ssize_t by_pread(int fd, char *into, size_t n)
{
    return pread(fd, into, n, 0);
}

static ssize_t by_preadv(int fd, char *into, size_t n)
{
    struct iovec vector[2] = {{into, 5}, {into + 5, n - 5}};

    return preadv(fd, vector, 2, 0);
}

TEST_GREEN(P37_a_read_is_whole_also_if_only_a_part_is_in_memory)
{
    case_of_half(by_read);
    case_of_half(by_readv);
    case_of_half(by_read_nonblock);
    case_of_half(by_pread);
    case_of_half(by_preadv);
}

TEST_GREEN(P37_what_has_no_offsets_is_refused)
{
    struct ends pipe = ends_of_pipe();
    struct scratch scratch;
    int folder;
    char byte;

    scratch_open(&scratch);
    CHECK_INT(pread(pipe.here, &byte, 1, 0), -1);
    CHECK_INT(errno, ESPIPE);
    CHECK_INT(pwrite(pipe.there, "x", 1, 0), -1);
    CHECK_INT(errno, ESPIPE);
    folder = open(scratch.folder, O_RDONLY | O_CLOEXEC);
    CHECK_INT(pread(folder, &byte, 1, 0), -1);
    CHECK_INT(errno, EISDIR);
    CHECK_INT(close(folder), 0);
    ends_close(&pipe);
    scratch_close(&scratch);
}

TEST_GREEN(P37_an_open_is_as_its_flags_say)
{
    const int kept = O_ACCMODE | O_APPEND | O_NONBLOCK;
    struct scratch scratch;
    int fd;

    scratch_open(&scratch);
    fd = open(scratch.path, O_WRONLY | O_APPEND);
    CHECK_INT(fcntl(fd, F_GETFL) & kept, O_WRONLY | O_APPEND);
    CHECK_INT(close(fd), 0);
    fd = open(scratch.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    CHECK_INT(fcntl(fd, F_GETFL) & kept, O_RDONLY | O_NONBLOCK);
    CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_INT(close(fd), 0);
    fd = open(scratch.path, O_PATH);
    CHECK((fcntl(fd, F_GETFL) & O_PATH) != 0);
    CHECK_INT(close(fd), 0);
    fd = open(scratch.folder, O_RDWR | O_TMPFILE, 0600);
    CHECK(fd >= 0 || errno == EOPNOTSUPP);
    CHECK(fd < 0 || close(fd) == 0);
    CHECK_INT(symlink("file", scratch.other), 0);
    CHECK_INT(open(scratch.other, O_RDONLY | O_NOFOLLOW), -1);
    CHECK_INT(errno, ELOOP);
    CHECK_INT(unlink(scratch.other), 0);
    scratch_close(&scratch);
}

TEST_GREEN(P37_what_is_no_path_is_refused)
{
    const char *volatile nowhere = NULL;
    struct stat status;

    if (!TEST_ASAN) { /* which comes with another that refuses it */
        CHECK_INT(open(nowhere, O_RDONLY), -1);
        CHECK_INT(errno, EFAULT);
    }
    CHECK_INT(openat(-1, "here", O_RDONLY), -1);
    CHECK_INT(errno, EBADF);
    CHECK_INT(fstatat(-1, "here", &status, 0), -1);
    CHECK_INT(errno, EBADF);
    CHECK_INT(open("", O_RDONLY), -1);
    CHECK_INT(errno, ENOENT);
}

static int lease(int fd)
{
    return fcntl(fd, F_SETLEASE, F_WRLCK);
}

static int unlease(int fd)
{
    return fcntl(fd, F_SETLEASE, F_UNLCK);
}

/* A file that nobody has open, of which a child has a lease. */
static void leased(struct scratch *scratch, struct keeper *keeper)
{
    scratch_open(scratch);
    CHECK_INT(close(scratch->fd), 0);
    keeper_begin(keeper, scratch->path, lease, unlease);
}

static void not_leased(struct scratch *scratch, struct keeper *keeper)
{
    keeper_end(keeper);
    scratch->fd = open(scratch->path, O_RDONLY | O_CLOEXEC);
    scratch_close(scratch);
}

TEST_GREEN(P37_an_open_that_waits_for_a_lease_keeps_nobody)
{
    struct scratch scratch;
    struct keeper keeper;
    thrum_future *teller;
    int fd;

    leased(&scratch, &keeper);
    teller = case_spawn(keeper_tell, &keeper);
    fd = open(scratch.path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && !has_nonblock(fd));
    CHECK_INT(close(fd), 0);
    finish(teller);
    not_leased(&scratch, &keeper);
}

static void *open_until_killed(void *arg)
{
    const struct scratch *scratch = arg;

    CHECK_INT(open(scratch->path, O_RDONLY | O_CLOEXEC), -1);
    CHECK_INT(errno, ECANCELED);
    return NULL;
}

TEST_GREEN(P37_an_open_that_is_left_behind_is_closed)
{
    unsigned before;
    struct scratch scratch;
    struct keeper keeper;

    leased(&scratch, &keeper);
    before = open_descriptors();
    kill_it(case_spawn(open_until_killed, &scratch));
    finish(case_spawn(keeper_tell, &keeper));
    before--; /* the pipe's end */
    not_leased(&scratch, &keeper);
    before--;
    WAIT_UNTIL(open_descriptors() <= before);
}

/* ---- FIFOs and ttys ---- */

/* What scratch.other is then. */
static void scratch_fifo(struct scratch *scratch)
{
    scratch_open(scratch);
    CHECK_INT(mkfifo(scratch->other, 0600), 0);
}

static void *open_to_write(void *arg)
{
    const struct scratch *scratch = arg;
    int fd = open(scratch->other, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK(fd >= 0 && !has_nonblock(fd));
    CHECK_INT(fcntl(fd, F_GETFD), 0);
    CHECK_INT(write(fd, "hello", 5), 5);
    CHECK_INT(close(fd), 0);
    return NULL;
}

static void *open_to_read(void *arg)
{
    const struct scratch *scratch = arg;
    char text[16] = "";
    int fd = open(scratch->other, O_RDONLY);

    CHECK(fd >= 0 && !has_nonblock(fd));
    CHECK_INT(fcntl(fd, F_GETFD), 0);
    CHECK_INT(read(fd, text, sizeof(text)), 5);
    CHECK_INT(read(fd, text, sizeof(text)), 0);
    CHECK_INT(close(fd), 0);
    return NULL;
}

TEST_GREEN(P36_an_open_of_a_fifo_waits_for_the_other_end)
{
    struct scratch scratch;
    thrum_future *first;

    scratch_fifo(&scratch);
    first = case_spawn(open_to_read, &scratch);
    CHECK_INT(thrum_pass(), 0);
    open_to_write(&scratch);
    finish(first);
    first = case_spawn(open_to_write, &scratch);
    CHECK_INT(thrum_pass(), 0);
    open_to_read(&scratch);
    finish(first);
    scratch_close(&scratch);
}

/* A path that is not to be walked in memory leads to it. */
TEST_GREEN(P36_a_fifo_is_found_by_the_thread_too)
{
    struct scratch scratch;
    struct scratch aside;
    thrum_future *first;

    scratch_fifo(&scratch);
    aside = scratch;
    strcpy(aside.other, "/proc/self/root");
    strcat(aside.other, scratch.other);
    first = case_spawn(open_to_read, &aside);
    CHECK_INT(thrum_pass(), 0);
    open_to_write(&aside);
    finish(first);
    scratch_close(&scratch);
}

#define READERS 100u /* more than the pool has threads */

TEST_GREEN(P36_many_that_wait_for_each_other_go_on)
{
    thrum_future *readers[READERS];
    struct scratch scratches[READERS];

    for (unsigned i = 0; i < READERS; i++) {
        scratch_fifo(&scratches[i]);
        readers[i] = case_spawn(open_to_read, &scratches[i]);
    }
    CHECK_INT(thrum_pass(), 0);
    for (unsigned i = 0; i < READERS; i++)
        open_to_write(&scratches[i]);
    for (unsigned i = 0; i < READERS; i++) {
        finish(readers[i]);
        scratch_close(&scratches[i]);
    }
}

/* The plain calls, in another thread. */
static void *open_and_be_silent(void *arg)
{
    struct scratch *scratch = arg;

    scratch->fd = open(scratch->other, O_WRONLY | O_CLOEXEC);
    CHECK(scratch->fd >= 0);
    return NULL;
}

TEST_GREEN(P36_a_writer_that_writes_nothing_is_seen)
{
    struct scratch scratch;
    struct scratch silent;
    struct test_thread *thread;
    int fd;

    scratch_fifo(&scratch);
    silent = scratch;
    thread = spawn_thread(open_and_be_silent, &silent);
    fd = open(scratch.other, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    join_thread(thread);
    CHECK_INT(close(fd), 0);
    CHECK_INT(close(silent.fd), 0);
    scratch_close(&scratch);
}

static void *read_until_killed(void *arg)
{
    const struct scratch *scratch = arg;

    CHECK_INT(open(scratch->other, O_RDONLY), -1);
    CHECK_INT(errno, ECANCELED);
    return NULL;
}

static void *write_until_killed(void *arg)
{
    const struct scratch *scratch = arg;

    CHECK_INT(open(scratch->other, O_WRONLY), -1);
    CHECK_INT(errno, ECANCELED);
    return NULL;
}

TEST_GREEN(P36_a_kill_ends_the_open_of_a_fifo)
{
    unsigned before = open_descriptors();
    struct scratch scratch;

    scratch_fifo(&scratch);
    kill_it(case_spawn(read_until_killed, &scratch));
    CHECK_INT(open(scratch.other, O_WRONLY | O_NONBLOCK), -1);
    CHECK_INT(errno, ENXIO);
    kill_it(case_spawn(write_until_killed, &scratch));
    scratch_close(&scratch);
    CHECK(open_descriptors() <= before);
}

TEST_GREEN(P36_a_deadline_ends_the_open_of_a_fifo)
{
    struct scratch scratch;

    scratch_fifo(&scratch);
    THRUM_WITH_DEADLINE(limit, thrum_in_ms(20)) {
        CHECK_INT(open(scratch.other, O_RDONLY), -1);
        CHECK_INT(errno, ETIMEDOUT);
    }
    THRUM_WITH_DEADLINE(second, thrum_in_ms(20)) {
        CHECK_INT(open(scratch.other, O_WRONLY), -1);
        CHECK_INT(errno, ETIMEDOUT);
    }
    scratch_close(&scratch);
}

TEST_GREEN(P36_a_fifo_that_is_not_to_be_waited_for_is_not)
{
    struct scratch scratch;
    int fd;

    scratch_fifo(&scratch);
    CHECK_INT(open(scratch.other, O_WRONLY | O_NONBLOCK), -1);
    CHECK_INT(errno, ENXIO);
    fd = open(scratch.other, O_RDWR);
    CHECK(fd >= 0 && !has_nonblock(fd));
    CHECK_INT(close(fd), 0);
    fd = open(scratch.other, O_RDONLY | O_NONBLOCK);
    CHECK(fd >= 0 && has_nonblock(fd));
    CHECK_INT(close(fd), 0);
    CHECK_INT(open(scratch.other, O_WRONLY | O_CREAT | O_EXCL, 0600), -1);
    CHECK_INT(errno, EEXIST);
    scratch_close(&scratch);
}

static void *write_line(void *arg)
{
    const struct ends *ends = arg;

    CHECK_INT(write(ends->there, "hello\n", 6), 6);
    return NULL;
}

TEST_GREEN(P36_a_tty_is_read_and_drained)
{
    struct ends ends = {-1, posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    thrum_future *writer;
    char text[16] = "";

    CHECK_INT(grantpt(ends.there), 0);
    CHECK_INT(unlockpt(ends.there), 0);
    ends.here = open(ptsname(ends.there), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(ends.here >= 0);
    writer = case_spawn(write_line, &ends);
    CHECK_INT(read(ends.here, text, sizeof(text)), 6);
    CHECK(memcmp(text, "hello\n", 6) == 0);
    finish(writer);
    CHECK_INT(write(ends.here, "there\n", 6), 6);
    CHECK_INT(tcdrain(ends.here), 0);
    CHECK(!has_nonblock(ends.here) && !has_nonblock(ends.there));
    ends_close(&ends);
}

/* ---- in the kernel ---- */

static void *read_all(void *arg)
{
    const struct ends *ends = arg;
    char data[4096];
    ssize_t n = 1;

    while (n > 0)
        n = read(ends->there, data, sizeof(data));
    CHECK_INT(n, 0);
    return NULL;
}

#define PIPE_ROOM 65536

TEST_GREEN(P38_all_that_is_in_a_pipe_is_spliced_to_a_socket)
{
    struct ends to = ends_of_stream();
    struct ends pipe = ends_of_pipe();
    thrum_future *reader = case_spawn(read_all, &to);
    char *data = calloc(1, PIPE_ROOM);

    CHECK_INT(write(pipe.there, data, PIPE_ROOM), PIPE_ROOM);
    CHECK_INT(splice(pipe.here, NULL, to.here, NULL, (size_t)1 << 20, 0),
              PIPE_ROOM);
    free(data);
    CHECK_INT(close(to.here), 0);
    to.here = -1;
    finish(reader);
    ends_close(&to);
    ends_close(&pipe);
}

TEST_GREEN(P38_what_is_not_to_be_waited_for_is_not)
{
    struct ends from = ends_of_pipe();
    struct ends to = ends_of_pipe();
    struct ends socket = ends_of_stream();

    CHECK_INT(splice(from.here, NULL, to.there, NULL, 1, SPLICE_F_NONBLOCK),
              -1);
    CHECK_INT(errno, EAGAIN);
    CHECK_INT(splice(socket.here, NULL, to.there, NULL, 1, SPLICE_F_NONBLOCK),
              -1);
    CHECK_INT(errno, EAGAIN);
    CHECK_INT(tee(from.here, to.there, 1, SPLICE_F_NONBLOCK), -1);
    CHECK_INT(errno, EAGAIN);
    CHECK_INT(fcntl(from.here, F_SETFL, O_NONBLOCK), 0);
    CHECK_INT(splice(from.here, NULL, to.there, NULL, 1, 0), -1);
    CHECK_INT(errno, EAGAIN);
    CHECK_INT(splice(from.here, NULL, socket.here, NULL, 1, 0), -1);
    CHECK_INT(errno, EAGAIN);
    ends_close(&from);
    ends_close(&to);
    ends_close(&socket);
}

TEST_GREEN(P38_the_end_of_a_pipe_is_the_end_of_a_splice)
{
    struct ends from = ends_of_pipe();
    struct ends to = ends_of_pipe();

    CHECK_INT(close(from.there), 0);
    from.there = -1;
    CHECK_INT(splice(from.here, NULL, to.there, NULL, 1, 0), 0);
    CHECK_INT(tee(from.here, to.there, 1, 0), 0);
    ends_close(&from);
    ends_close(&to);
}

TEST_GREEN(P38_a_sendfile_that_is_not_to_wait_says_how_much_it_was)
{
    struct ends to = ends_of_stream();
    const size_t much = (size_t)4 << 20;
    struct scratch scratch;
    off_t offset = 0;
    ssize_t sent;

    scratch_open(&scratch);
    CHECK_INT(ftruncate(scratch.fd, (off_t)much), 0);
    CHECK_INT(fcntl(to.here, F_SETFL, O_NONBLOCK), 0);
    sent = sendfile(to.here, scratch.fd, &offset, much);
    CHECK(sent > 0 && (size_t)sent < much);
    CHECK_INT(offset, sent);
    while (sendfile(to.here, scratch.fd, &offset, much) > 0)
        continue;
    CHECK_INT(errno, EAGAIN);
    ends_close(&to);
    scratch_close(&scratch);
}

static volatile sig_atomic_t pipes_broken;

static void count_broken(int number)
{
    (void)number;
    pipes_broken++;
}

TEST_GREEN(P38_who_sends_to_nobody_gets_SIGPIPE)
{
    struct sigaction counting = {.sa_handler = count_broken};
    struct sigaction before;
    struct ends to = ends_of_stream();
    struct ends pipe = ends_of_pipe();
    struct scratch scratch;
    off_t at = 0;

    pipes_broken = 0;
    CHECK_INT(sigaction(SIGPIPE, &counting, &before), 0);
    scratch_open(&scratch);
    CHECK_INT(close(to.there), 0);
    to.there = -1;
    CHECK_INT(sendfile(to.here, scratch.fd, &at, 5), -1);
    CHECK_INT(errno, EPIPE);
    CHECK_INT(pipes_broken, 1);
    CHECK_INT(close(pipe.here), 0);
    pipe.here = -1;
    CHECK_INT(splice(scratch.fd, &at, pipe.there, NULL, 5, 0), -1);
    CHECK_INT(errno, EPIPE);
    CHECK_INT(pipes_broken, 2);
    CHECK_INT(sigaction(SIGPIPE, &before, NULL), 0);
    ends_close(&to);
    ends_close(&pipe);
    scratch_close(&scratch);
}

static void *splice_until_killed(void *arg)
{
    const struct ends *ends = arg;

    CHECK_INT(splice(ends[0].here, NULL, ends[1].there, NULL, 5, 0), -1);
    CHECK_INT(errno, ECANCELED);
    return NULL;
}

TEST_GREEN(P38_a_kill_ends_a_splice)
{
    struct ends ends[2] = {ends_of_pipe(), ends_of_pipe()};

    kill_it(case_spawn(splice_until_killed, ends));
    ends_close(&ends[0]);
    ends_close(&ends[1]);
}

/* ---- locks ---- */

#define WORKERS 8u
#define ROUNDS  10u

/* A file with a number in it, and how it is locked. */
struct counted {
    const char *path;
    int (*lock)(int fd, bool on);
};

static int by_flock(int fd, bool on)
{
    return flock(fd, on ? LOCK_EX : LOCK_UN);
}

static int by_ofd(int fd, bool on)
{
    struct flock range = {.l_type = on ? F_WRLCK : F_UNLCK,
                          .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLKW, &range);
}

/* As a data base does: lock, read, write, sync, unlock. */
static void *count_up(void *arg)
{
    const struct counted *counted = arg;
    int fd = open(counted->path, O_RDWR | O_CLOEXEC);
    unsigned number = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        CHECK_INT(counted->lock(fd, true), 0);
        CHECK_INT(pread(fd, &number, sizeof(number), 0), sizeof(number));
        CHECK_INT(thrum_pass(), 0);
        number++;
        CHECK_INT(pwrite(fd, &number, sizeof(number), 0), sizeof(number));
        CHECK_INT(fdatasync(fd), 0);
        CHECK_INT(counted->lock(fd, false), 0);
    }
    CHECK_INT(close(fd), 0);
    return NULL;
}

static void case_of_counting(int (*lock)(int fd, bool on))
{
    thrum_future *workers[WORKERS];
    struct scratch scratch;
    struct counted counted = {scratch.path, lock};
    unsigned number = 0;

    scratch_open(&scratch);
    CHECK_INT(pwrite(scratch.fd, &number, sizeof(number), 0), sizeof(number));
    for (unsigned i = 0; i < WORKERS; i++)
        workers[i] = case_spawn(count_up, &counted);
    for (unsigned i = 0; i < WORKERS; i++)
        finish(workers[i]);
    CHECK_INT(pread(scratch.fd, &number, sizeof(number), 0), sizeof(number));
    CHECK_INT(number, WORKERS * ROUNDS);
    scratch_close(&scratch);
}

TEST_GREEN(P41_locks_of_open_files_exclude_greenlets)
{
    case_of_counting(by_flock);
    case_of_counting(by_ofd);
}

static int by_process(int fd, bool on)
{
    struct flock range = {.l_type = on ? F_WRLCK : F_UNLCK,
                          .l_whence = SEEK_SET};

    return fcntl(fd, F_SETLKW, &range);
}

static int take_process(int fd)
{
    return by_process(fd, true);
}

static int give_process(int fd)
{
    return by_process(fd, false);
}

TEST_GREEN(P41_locks_of_processes_are_waited_for)
{
    struct scratch scratch;
    struct keeper keeper;
    thrum_future *teller;
    int fd;

    scratch_open(&scratch);
    keeper_begin(&keeper, scratch.path, take_process, give_process);
    CHECK_INT(lseek(scratch.fd, 0, SEEK_SET), 0);
    CHECK_INT(lockf(scratch.fd, F_TEST, 0), -1);
    teller = case_spawn(keeper_tell, &keeper);
    CHECK_INT(by_process(scratch.fd, true), 0);
    finish(teller);
    fd = open(scratch.path, O_RDWR | O_CLOEXEC);
    CHECK_INT(by_process(fd, true), 0); /* greenlets are one process */
    CHECK_INT(close(fd), 0);
    keeper_end(&keeper);
    scratch_close(&scratch);
}

static void *flock_until_killed(void *arg)
{
    const struct scratch *scratch = arg;
    int fd = open(scratch->path, O_RDWR | O_CLOEXEC);

    CHECK_INT(flock(fd, LOCK_SH), -1);
    CHECK_INT(errno, ECANCELED);
    CHECK_INT(close(fd), 0);
    return NULL;
}

TEST_GREEN(P41_a_kill_and_a_deadline_end_the_wait_for_a_lock)
{
    struct scratch scratch;
    int fd;

    scratch_open(&scratch);
    CHECK_INT(flock(scratch.fd, LOCK_EX), 0);
    kill_it(case_spawn(flock_until_killed, &scratch));
    fd = open(scratch.path, O_RDWR | O_CLOEXEC);
    THRUM_WITH_DEADLINE(limit, thrum_in_ms(20)) {
        CHECK_INT(flock(fd, LOCK_EX), -1);
        CHECK_INT(errno, ETIMEDOUT);
    }
    CHECK_INT(flock(scratch.fd, LOCK_UN), 0);
    CHECK_INT(flock(fd, LOCK_EX), 0);
    CHECK_INT(close(fd), 0);
    scratch_close(&scratch);
}

TEST_GREEN(P41_what_the_system_refuses_is_refused)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = 77};
    struct scratch scratch;

    scratch_open(&scratch);
    CHECK_INT(fcntl(scratch.fd, F_SETLKW, &range), -1);
    CHECK_INT(errno, EINVAL);
    range.l_whence = SEEK_SET;
    range.l_pid = 1;
    CHECK_INT(fcntl(scratch.fd, F_OFD_SETLKW, &range), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(flock(scratch.fd, 77), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(lockf(scratch.fd, 77, 0), -1);
    CHECK_INT(errno, EINVAL);
    scratch_close(&scratch);
}

/* ---- signals ---- */

static void ignore_it(int number)
{
    (void)number;
}

struct interrupted {
    const struct scratch *scratch;
    int (*wait)(const struct scratch *scratch);
    atomic_bool ended;
};

static void *wait_interrupted(void *arg)
{
    struct interrupted *interrupted = arg;

    CHECK_INT(interrupted->wait(interrupted->scratch), -1);
    CHECK_INT(errno, EINTR);
    atomic_store(&interrupted->ended, true);
    return NULL;
}

static void *run_interrupted(void *arg)
{
    finish(case_spawn(wait_interrupted, arg));
    return NULL;
}

/* A signal before the wait ends nothing, so there are more. */
static void interrupt(const struct scratch *scratch,
                      int (*wait)(const struct scratch *scratch))
{
    struct interrupted interrupted = {scratch, wait, false};
    struct test_thread *thread = spawn_thread(run_interrupted, &interrupted);

    while (!atomic_load(&interrupted.ended)) {
        thread_await_sleep(thread);
        if (!atomic_load(&interrupted.ended))
            thread_signal(thread, SIGUSR1);
    }
    join_thread(thread);
}

static int lock_another(const struct scratch *scratch)
{
    int fd = open(scratch->path, O_RDWR | O_CLOEXEC);
    int rc = flock(fd, LOCK_EX);
    int error = errno;

    CHECK_INT(close(fd), 0);
    errno = error;
    return rc;
}

static int read_fifo(const struct scratch *scratch)
{
    return open(scratch->other, O_RDONLY);
}

static int write_fifo(const struct scratch *scratch)
{
    return open(scratch->other, O_WRONLY);
}

/* As programs do that wait for a lock with alarm(). */
TEST(P24_a_handler_ends_the_wait_for_a_lock_and_a_fifo)
{
    struct sigaction action = {.sa_handler = ignore_it};
    struct sigaction before;
    struct scratch scratch;

    assert_int_equal(thrum_monkey_patch_all(), 0);
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    scratch_fifo(&scratch);
    assert_int_equal(flock(scratch.fd, LOCK_EX), 0);
    interrupt(&scratch, lock_another);
    interrupt(&scratch, read_fifo);
    interrupt(&scratch, write_fifo);
    scratch_close(&scratch);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

/* ---- and one that restarts ---- */

struct restarted {
    struct scratch scratch;
    atomic_bool locked;
};

static void *lock_in_a_greenlet(void *arg)
{
    struct restarted *restarted = arg;

    CHECK_INT(lock_another(&restarted->scratch), 0);
    atomic_store(&restarted->locked, true);
    return NULL;
}

static void *run_restarted(void *arg)
{
    finish(case_spawn(lock_in_a_greenlet, arg));
    return NULL;
}

TEST(P24_a_handler_that_restarts_ends_no_wait_for_a_lock)
{
    struct sigaction action = {.sa_handler = ignore_it, .sa_flags = SA_RESTART};
    struct sigaction before;
    struct restarted restarted = {.locked = false};
    struct test_thread *thread;

    assert_int_equal(thrum_monkey_patch_all(), 0);
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    scratch_open(&restarted.scratch);
    assert_int_equal(flock(restarted.scratch.fd, LOCK_EX), 0);
    thread = spawn_thread(run_restarted, &restarted);
    for (unsigned i = 0; i < 20; i++) {
        thread_await_sleep(thread);
        thread_signal(thread, SIGUSR1);
    }
    assert_false(atomic_load(&restarted.locked));
    assert_int_equal(flock(restarted.scratch.fd, LOCK_UN), 0);
    join_thread(thread);
    scratch_close(&restarted.scratch);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("file", argc, argv);
}
