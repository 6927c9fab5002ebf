/* SPDX-License-Identifier: MIT */
/*
 * test/unit/sendfile_test.c - sending a file whose data has to come from the
 * disk, or that cannot be asked whether it has.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thrum.h>

#include "sys/fault.h"
#include "thrum_test.h"

#define SENDFILE_SIZE 300000

static bool never_at_once(const char *call, void *arg)
{
    (void)arg;
    return strcmp(call, "rwf_nowait") == 0;
}

/* In the current folder: files in memory, as /tmp may be, never wait. */
static int new_file(void)
{
    char path[] = "sendfile-XXXXXX";
    char *much = calloc(1, SENDFILE_SIZE);
    int fd = mkstemp(path);

    assert_true(fd >= 0 && much != NULL);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(write(fd, much, SENDFILE_SIZE), SENDFILE_SIZE);
    free(much);
    return fd;
}

TEST(a_sendfile_from_disk_ends_at_its_deadline)
{
    if (TEST_TSAN)
        TEST_SKIP("a call is made to fail while a thread waits elsewhere");
    int fd = new_file();
    int64_t offset = 0;
    int64_t n = 1;
    int ends[2];

    thrumi_fault_set(never_at_once, NULL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    while (n > 0) {
        offset = 0;
        n = thrum_sendfile(ends[1], fd, &offset, SENDFILE_SIZE,
                           thrum_in_ms(20));
    }
    assert_int_equal(n, -ETIMEDOUT);
    thrumi_fault_set(NULL, NULL);
    assert_int_equal(thrum_close(ends[0]), 0);
    assert_int_equal(thrum_close(ends[1]), 0);
    assert_int_equal(thrum_close(fd), 0);
}

static void *read_all(void *ret_end)
{
    static _Thread_local char buffer[4096];
    int64_t sum = 0;
    int64_t n;

    while ((n = read(*(int *)ret_end, buffer, sizeof(buffer))) > 0)
        sum += n;
    return (void *)(intptr_t)sum;
}

TEST(a_sendfile_from_disk_goes_on_when_there_is_room)
{
    if (TEST_TSAN)
        TEST_SKIP("a call is made to fail while a thread waits elsewhere");
    int fd = new_file();
    int64_t sum = 0;
    int64_t n;
    struct test_thread *thread;
    int ends[2];

    thrumi_fault_set(never_at_once, NULL);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    thread = spawn_thread(read_all, &ends[0]);
    while ((n = thrum_sendfile(ends[1], fd, NULL, SENDFILE_SIZE,
                               THRUM_FOREVER)) > 0)
        sum += n;
    assert_int_equal(n, 0);
    assert_int_equal(sum, SENDFILE_SIZE);
    assert_int_equal(thrum_close(ends[1]), 0);
    assert_int_equal((intptr_t)join_thread(thread), SENDFILE_SIZE);
    thrumi_fault_set(NULL, NULL);
    assert_int_equal(thrum_close(ends[0]), 0);
    assert_int_equal(thrum_close(fd), 0);
}

TEST_MAIN("sendfile")
