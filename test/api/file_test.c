/* SPDX-License-Identifier: MIT */
/*
 * file_test.c - files: opened, read, written, looked at, sent.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include <thrum.h>

#include "net.h"

static char folder[] = "/tmp/thrum-file-XXXXXX";
static char path[64];

static int open_new(void)
{
    int fd;

    strcpy(folder, "/tmp/thrum-file-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    fd = thrum_open(path, O_RDWR | O_CREAT | O_EXCL, 0600, THRUM_FOREVER);
    assert_true(fd >= 0);
    return fd;
}

static void close_new(int fd)
{
    assert_int_equal(thrum_close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

TEST(a_file_is_opened_written_and_read)
{
    int fd = open_new();
    struct statx status;
    char text[16];

    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(thrum_pwrite(fd, "hello", 5, 3, THRUM_FOREVER), 5);
    assert_int_equal(thrum_write(fd, "abc", 3, THRUM_FOREVER), 3);
    assert_int_equal(thrum_fdatasync(fd, THRUM_FOREVER), 0);
    assert_int_equal(thrum_fsync(fd, THRUM_FOREVER), 0);
    assert_int_equal(thrum_pread(fd, text, sizeof(text), 0, THRUM_FOREVER), 8);
    assert_memory_equal(text, "abchello", 8);
    assert_int_equal(thrum_read(fd, text, sizeof(text), THRUM_FOREVER), 5);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(thrum_read(fd, text, sizeof(text), THRUM_FOREVER), 0);
    assert_int_equal(thrum_pread(fd, text, sizeof(text), 100, THRUM_FOREVER),
                     0);
    assert_int_equal(
        thrum_statx(AT_FDCWD, path, 0, STATX_SIZE, &status, THRUM_FOREVER), 0);
    assert_int_equal(status.stx_size, 8);
    close_new(fd);
}

/* Only the first half is in memory, where the file system lets it go. */
TEST(a_read_is_whole_but_at_the_end)
{
    const size_t half = (size_t)512 << 10;
    char *data = calloc(3, half);
    struct iovec in[2] = {{data, 5}, {data + 5, 3 * half - 5}};
    int fd = open_new();

    data[2 * half - 1] = 'x';
    assert_int_equal(thrum_write_all(fd, data, 2 * half, THRUM_FOREVER), 0);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(thrum_fsync(fd, THRUM_FOREVER), 0);
        assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
        assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
        assert_int_equal(pread(fd, data, half, 0), half);
        memset(data, 'y', 3 * half);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(round == 0
                             ? thrum_read(fd, data, 3 * half, THRUM_FOREVER)
                             : thrum_readv(fd, in, 2, THRUM_FOREVER),
                         2 * half);
        assert_int_equal(data[2 * half - 1], 'x');
        assert_int_equal(data[2 * half], 'y');
    }
    free(data);
    close_new(fd);
}

TEST(vectors_at_an_offset)
{
    int fd = open_new();
    char a[3], b[4];
    struct iovec out[2] = {{(void *)(uintptr_t) "abc", 3},
                           {(void *)(uintptr_t) "defg", 4}};
    struct iovec in[2] = {{a, 3}, {b, 4}};

    assert_int_equal(thrum_pwritev(fd, out, 2, 10, THRUM_FOREVER), 7);
    assert_int_equal(thrum_preadv(fd, in, 2, 10, THRUM_FOREVER), 7);
    assert_memory_equal(a, "abc", 3);
    assert_memory_equal(b, "defg", 4);
    assert_int_equal(thrum_preadv(fd, in, -1, 0, THRUM_FOREVER), -EINVAL);
    close_new(fd);
}

TEST(what_is_not_there_is_told)
{
    struct statx status;
    char byte;

    assert_int_equal(thrum_open("/no/such/file", O_RDONLY, 0, THRUM_FOREVER),
                     -ENOENT);
    assert_int_equal(thrum_statx(AT_FDCWD, "/no/such/file", 0, STATX_SIZE,
                                 &status, THRUM_FOREVER),
                     -ENOENT);
    assert_int_equal(thrum_pread(-1, &byte, 1, 0, THRUM_FOREVER), -EBADF);
    assert_int_equal(thrum_fsync(-1, THRUM_FOREVER), -EBADF);
}

/* Many at a time, so that some wait for others. */
static void *write_and_read(void *arg)
{
    int fd = *(int *)arg;
    static _Thread_local int64_t next;
    int64_t at = next++ % 64 * 4096;
    char out[512], in[512];

    memset(out, (int)(at >> 12), sizeof(out));
    for (int i = 0; i < 4; i++) {
        CHECK_INT(thrum_pwrite(fd, out, sizeof(out), at, THRUM_FOREVER),
                  sizeof(out));
        CHECK_INT(thrum_pread(fd, in, sizeof(in), at, THRUM_FOREVER),
                  sizeof(in));
        CHECK(memcmp(in, out, sizeof(out)) == 0);
    }
    CHECK_INT(thrum_fdatasync(fd, THRUM_FOREVER), 0);
    return NULL;
}

TEST(many_greenlets_use_a_file)
{
    int fd = open_new();
    thrum_future *futures[64];

    for (int i = 0; i < 64; i++)
        futures[i] = spawn(write_and_read, &fd);
    for (int i = 0; i < 64; i++)
        join(futures[i]);
    close_new(fd);
}

static void *kill_while(void *arg)
{
    int fd = thrum_open(path, O_RDONLY, 0, THRUM_FOREVER);

    (void)arg;
    if (fd >= 0) {
        (void)!thrum_fsync(fd, THRUM_FOREVER);
        CHECK_INT(thrum_close(fd), 0);
    }
    return NULL;
}

TEST(S7_a_kill_loses_no_descriptor)
{
    int fd = open_new();

    for (int i = 0; i < 30; i++) {
        thrum_future *future = spawn(kill_while, NULL);

        for (int j = 0; j <= i % 4; j++)
            assert_int_equal(thrum_pass(), 0);
        assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
        thrum_future_unref(future);
    }
    close_new(fd);
}

/* ---- from a file to a connection ---- */

#define MUCH 300000

static void *send_file(void *arg)
{
    int *fds = arg;
    int64_t offset = 5;
    int64_t left = MUCH - 5;

    while (left > 0) {
        int64_t n = thrum_sendfile(fds[1], fds[0], &offset, (size_t)left,
                                   THRUM_FOREVER);

        if (!CHECK(n > 0))
            break;
        left -= n;
    }
    CHECK_INT(offset, MUCH);
    CHECK_INT(thrum_close(fds[1]), 0);
    return NULL;
}

static void expect_much(int fd)
{
    int64_t at = 5;
    char buffer[4096];
    int64_t n;

    while ((n = thrum_read(fd, buffer, sizeof(buffer), THRUM_FOREVER)) > 0)
        for (int64_t i = 0; i < n; i++, at++)
            if (!CHECK(buffer[i] == (char)(at % 251)))
                return;
    CHECK_INT(n, 0);
    CHECK_INT(at, MUCH);
}

static void fill_file(int fd)
{
    char *much = malloc(MUCH);

    for (int i = 0; i < MUCH; i++)
        much[i] = (char)(i % 251);
    assert_int_equal(thrum_write_all(fd, much, MUCH, THRUM_FOREVER), 0);
    free(much);
}

TEST(a_file_is_sent_to_a_connection_in_parts)
{
    void (*open[])(struct ends *) = {ends_tcp, ends_pair};

    for (int i = 0; i < 2; i++) {
        struct ends ends;
        int fd = open_new();
        int fds[2];
        thrum_future *future;

        fill_file(fd);
        open[i](&ends);
        fds[0] = fd;
        fds[1] = ends.out;
        future = spawn(send_file, fds);
        expect_much(ends.in);
        join(future);
        assert_int_equal(thrum_close(ends.in), 0);
        close_new(fd);
    }
}

TEST(a_sendfile_without_room_ends_at_its_deadline)
{
    struct ends ends;
    int fd = open_new();
    int64_t offset = 0;
    int64_t n = 1;

    fill_file(fd);
    ends_pair(&ends);
    while (n > 0) {
        offset = 0;
        n = thrum_sendfile(ends.out, fd, &offset, MUCH, thrum_in_ms(3));
    }
    assert_int_equal(n, -ETIMEDOUT);
    ends_close(&ends);
    close_new(fd);
}

static void *splice_all(void *arg)
{
    int *fds = arg;
    int64_t n;

    while ((n = thrum_splice(fds[0], NULL, fds[1], NULL, 1 << 16,
                             THRUM_FOREVER)) > 0)
        ;
    CHECK_INT(n, 0);
    CHECK_INT(thrum_close(fds[1]), 0);
    return NULL;
}

TEST(splice_moves_from_a_connection_to_a_pipe)
{
    struct ends from, to;
    thrum_future *future;
    int fds[2];
    int fd = open_new();
    int sender[2];
    thrum_future *sending;

    fill_file(fd);
    ends_pair(&from);
    ends_pipe(&to);
    fds[0] = from.in;
    fds[1] = to.out;
    sender[0] = fd;
    sender[1] = from.out;
    future = spawn(splice_all, fds);
    sending = spawn(send_file, sender);
    expect_much(to.in);
    join(future);
    join(sending);
    assert_int_equal(thrum_close(from.in), 0);
    assert_int_equal(thrum_close(to.in), 0);
    close_new(fd);
}

TEST_MAIN("file")
