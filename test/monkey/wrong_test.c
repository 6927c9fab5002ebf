/* SPDX-License-Identifier: MIT */
/*
 * wrong_test.c - calls that cannot be right say patched what they say plain.
 *
 * Each is made in a thread, unpatched, and in a greenlet, patched, and returns the
 * same and leaves the same errno.
 */
#include "monkey/headers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"

/* Values that the compiler does not know, so that it warns of nothing. */
static void *volatile nowhere = (void *)8;
static void *volatile none;
static volatile int shut = -1;
static volatile int high = 1 << 20;
static volatile int minus = -1;
static volatile long big = -1;

/* What they are made on: a stream with some in it, an empty pipe, a file. */
static struct ends stream;
static struct ends packets;
static struct ends tube;
static int file;
static int listener;
static int folder;
static char bytes[64];

static struct timespec no_span = {0, -1};
static struct timespec odd_span = {0, 1000000000};
static struct timespec past_span = {-1, 0};
static struct timeval odd_time = {0, -1};
static struct timespec now_span = {0, 0};

static struct iovec bad_piece = {(void *)8, 4};
static struct msghdr bad_message = {.msg_iov = &bad_piece, .msg_iovlen = 1};
static sigset_t no_signals;

/* name, and an expression that is -1 with errno, or another number */
#define WRONGS                                                                 \
 WRONG(read_shut, read(shut, bytes, 4))                                        \
 WRONG(read_high, read(high, bytes, 4))                                        \
 WRONG(read_nowhere, read(stream.here, nowhere, 4))                            \
 WRONG(read_listener, read(listener, bytes, 4))                                \
 WRONG(read_folder, read(folder, bytes, 4))                                    \
 WRONG(read_wrong_end, read(tube.there, bytes, 4))                             \
 WRONG(read_much, read(stream.here, nowhere, (size_t)big))                     \
 WRONG(readv_shut, readv(shut, nowhere, 1))                                    \
 WRONG(readv_nowhere, readv(stream.here, nowhere, 1))                          \
 WRONG(readv_minus, readv(stream.here, nowhere, minus))                        \
 WRONG(readv_many, readv(stream.here, nowhere, high))                          \
 WRONG(write_shut, write(shut, bytes, 4))                                      \
 WRONG(write_nowhere, write(stream.here, nowhere, 4))                          \
 WRONG(write_nowhere_to_pipe, write(tube.there, nowhere, 4))                   \
 WRONG(write_wrong_end, write(tube.here, bytes, 4))                            \
 WRONG(write_listener, write(listener, bytes, 0))                              \
 WRONG(writev_shut, writev(shut, nowhere, 1))                                  \
 WRONG(writev_nowhere, writev(stream.here, nowhere, 2))                        \
 WRONG(writev_minus, writev(stream.here, nowhere, minus))                      \
 WRONG(recv_shut, recv(shut, bytes, 4, 0))                                     \
 WRONG(recv_pipe, recv(tube.here, bytes, 4, 0))                                \
 WRONG(recv_nowhere, recv(stream.here, nowhere, 4, 0))                         \
 WRONG(recv_all_nowhere, recv(stream.here, nowhere, 4, MSG_WAITALL))           \
 WRONG(recv_listener, recv(listener, bytes, 4, 0))                             \
 WRONG(recv_band, recv(stream.here, bytes, 4, MSG_OOB))                        \
 WRONG(recvfrom_shut, recvfrom(shut, bytes, 4, 0, nowhere, nowhere))           \
 WRONG(recvfrom_nowhere, recvfrom(packets.here, nowhere, 4, 0, NULL, NULL))    \
 WRONG(recvmsg_shut, recvmsg(shut, nowhere, 0))                                \
 WRONG(recvmsg_nowhere, recvmsg(stream.here, nowhere, 0))                      \
 WRONG(recvmsg_none, recvmsg(stream.here, none, 0))                            \
 WRONG(recvmsg_pieces, recvmsg(stream.here, &bad_message, 0))                  \
 WRONG(recvmmsg_shut, recvmmsg(shut, nowhere, 1, 0, NULL))                     \
 WRONG(recvmmsg_odd, recvmmsg(stream.here, nowhere, 1, 0, &odd_span))          \
 WRONG(recvmmsg_pipe, recvmmsg(tube.here, nowhere, 1, 0, NULL))                \
 WRONG(send_shut, send(shut, bytes, 4, 0))                                     \
 WRONG(send_pipe, send(tube.there, bytes, 4, 0))                               \
 WRONG(send_nowhere, send(stream.here, nowhere, 4, 0))                         \
 WRONG(send_listener, send(listener, bytes, 4, MSG_NOSIGNAL))                  \
 WRONG(sendto_shut, sendto(shut, bytes, 4, 0, nowhere, 4))                     \
 WRONG(sendto_nowhere, sendto(packets.here, bytes, 4, 0, nowhere, 4))          \
 WRONG(sendto_long, sendto(packets.here, bytes, 4, 0, nowhere, 4000))          \
 WRONG(sendmsg_shut, sendmsg(shut, nowhere, 0))                                \
 WRONG(sendmsg_nowhere, sendmsg(stream.here, nowhere, 0))                      \
 WRONG(sendmsg_pieces, sendmsg(stream.here, &bad_message, 0))                  \
 WRONG(sendmmsg_shut, sendmmsg(shut, nowhere, 1, 0))                           \
 WRONG(sendmmsg_pipe, sendmmsg(tube.here, nowhere, 1, 0))                      \
 WRONG(accept_shut, accept(shut, NULL, NULL))                                  \
 WRONG(accept_stream, accept(stream.here, NULL, NULL))                         \
 WRONG(accept_packets, accept(packets.there, NULL, NULL))                      \
 WRONG(accept_pipe, accept(tube.here, NULL, NULL))                             \
 WRONG(accept_idle, accept(stream.there, NULL, NULL))                          \
 WRONG(accept4_flags, accept4(listener, NULL, NULL, minus))                    \
 WRONG(connect_shut, connect(shut, nowhere, 4))                                \
 WRONG(connect_nowhere, connect(packets.here, nowhere, 4))                     \
 WRONG(connect_none, connect(packets.here, none, 4))                           \
 WRONG(connect_short, connect(packets.here, (void *)bytes, 1))                 \
 WRONG(connect_long, connect(packets.here, nowhere, 4000))                     \
 WRONG(connect_pipe, connect(tube.here, nowhere, 4))                           \
 WRONG(connect_listener, connect(listener, (void *)bytes, 8))                  \
 WRONG(socket_family, socket(999, SOCK_STREAM, 0))                             \
 WRONG(socketpair_nowhere, socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere))       \
 WRONG(pipe_nowhere, pipe(nowhere))                                            \
 WRONG(pipe2_flags, pipe2((int *)(void *)bytes, minus))                        \
 WRONG(close_shut, close(shut))                                                \
 WRONG(close_high, close(high))                                                \
 WRONG(close_range_turned, close_range(1u << 21, 1u << 20, 0))                 \
 WRONG(close_range_flags, close_range(1u << 20, 1u << 21, 1u << 20))           \
 WRONG(dup_shut, dup(shut))                                                    \
 WRONG(dup2_shut, dup2(shut, 5))                                               \
 WRONG(dup2_to_shut, dup2(tube.here, shut))                                    \
 WRONG(dup3_same, dup3(tube.here, tube.here, 0))                               \
 WRONG(dup3_flags, dup3(tube.here, tube.there, minus))                         \
 WRONG(fcntl_shut, fcntl(shut, F_GETFL))                                       \
 WRONG(fcntl_command, fcntl(tube.here, 9999))                                  \
 WRONG(fcntl_lock_nowhere, fcntl(file, F_SETLKW, nowhere))                     \
 WRONG(fcntl_lock_shut, fcntl(shut, F_SETLKW, nowhere))                        \
 WRONG(ioctl_shut, ioctl(shut, FIONBIO, nowhere))                              \
 WRONG(ioctl_nowhere, ioctl(stream.here, FIONBIO, nowhere))                    \
 WRONG(setsockopt_shut,                                                        \
       setsockopt(shut, SOL_SOCKET, SO_RCVTIMEO, nowhere, 16))                 \
 WRONG(setsockopt_nowhere,                                                     \
       setsockopt(stream.here, SOL_SOCKET, SO_RCVTIMEO, nowhere, 16))          \
 WRONG(poll_nowhere, poll(nowhere, 1, -1))                                     \
 WRONG(poll_many, poll(nowhere, (nfds_t)big, -1))                              \
 WRONG(ppoll_odd, ppoll(NULL, 0, &odd_span, NULL))                             \
 WRONG(select_minus, select(minus, NULL, NULL, NULL, NULL))                    \
 WRONG(select_odd, select(0, NULL, NULL, NULL, &odd_time))                     \
 WRONG(pselect_odd, pselect(0, NULL, NULL, NULL, &no_span, NULL))              \
 WRONG(epoll_shut, epoll_wait(shut, nowhere, 1, -1))                           \
 WRONG(epoll_pipe, epoll_wait(tube.here, nowhere, 1, -1))                      \
 WRONG(epoll_none, epoll_wait(tube.here, nowhere, 0, -1))                      \
 WRONG(nanosleep_odd, nanosleep(&odd_span, NULL))                              \
 WRONG(nanosleep_past, nanosleep(&past_span, NULL))                            \
 WRONG(clock_nanosleep_odd,                                                    \
       clock_nanosleep(CLOCK_REALTIME, 0, &no_span, NULL))                     \
 WRONG(clock_nanosleep_clock, clock_nanosleep(77, 0, &now_span, NULL))         \
 WRONG(clock_nanosleep_past,                                                   \
       clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past_span, NULL))       \
 WRONG(sigwaitinfo_nowhere, sigwaitinfo(nowhere, NULL))                        \
 WRONG(sigtimedwait_odd, sigtimedwait(&no_signals, NULL, &odd_span))           \
 WRONG(sigtimedwait_past, sigtimedwait(&no_signals, NULL, &past_span))         \
 WRONG(sigtimedwait_now, sigtimedwait(&no_signals, NULL, &now_span))           \
 WRONG(waitpid_none, waitpid(-1, NULL, 0))                                     \
 WRONG(waitpid_other, waitpid(1, NULL, 0))                                     \
 WRONG(waitpid_least, waitpid(INT_MIN, NULL, 0))                               \
 WRONG(waitpid_options, waitpid(-1, NULL, 1 << 20))                            \
 WRONG(waitid_type, waitid(77, 0, NULL, WEXITED))                              \
 WRONG(waitid_options, waitid(P_ALL, 0, NULL, 0))                              \
 WRONG(waitid_shut, waitid(P_PIDFD, (id_t)shut, NULL, WEXITED))                \
 WRONG(waitid_pipe, waitid(P_PIDFD, (id_t)tube.here, NULL, WEXITED))           \
 WRONG(mq_receive_shut, mq_receive(shut, bytes, 4, NULL))                      \
 WRONG(mq_receive_pipe, mq_receive(tube.here, bytes, 4, NULL))                 \
 WRONG(mq_send_shut, mq_send(shut, bytes, 4, 0))                               \
 WRONG(open_nowhere, open(nowhere, O_RDONLY))                                  \
 WRONG(openat_nowhere, openat(folder, nowhere, O_WRONLY | O_CREAT, 0600))      \
 WRONG(open_none, open(none, O_RDONLY))                                        \
 WRONG(open_empty, open("", O_RDONLY))                                         \
 WRONG(open_missing, open("/nowhere/at/all", O_RDWR | O_CREAT, 0600))          \
 WRONG(open_folder, open("/", O_RDWR))                                         \
 WRONG(openat_shut, openat(shut, "x", O_RDONLY))                               \
 WRONG(openat_file, openat(file, "x", O_RDONLY))                               \
 WRONG(creat_nowhere, creat(nowhere, 0600))                                    \
 WRONG(pread_shut, pread(shut, bytes, 4, 0))                                   \
 WRONG(pread_minus, pread(file, bytes, 4, minus))                              \
 WRONG(pread_pipe, pread(tube.here, bytes, 4, 0))                              \
 WRONG(pread_nowhere, pread(file, nowhere, 4, 0))                              \
 WRONG(pwrite_shut, pwrite(shut, bytes, 4, 0))                                 \
 WRONG(pwrite_pipe, pwrite(tube.there, bytes, 4, 0))                           \
 WRONG(pwrite_nowhere, pwrite(file, nowhere, 4, 0))                            \
 WRONG(pwrite_far, pwrite(file, bytes, 4, LONG_MAX))                           \
 WRONG(preadv_nowhere, preadv(file, nowhere, 1, 0))                            \
 WRONG(preadv_minus, preadv(file, nowhere, minus, 0))                          \
 WRONG(preadv2_flags, preadv2(file, nowhere, 1, 0, 1 << 20))                   \
 WRONG(preadv2_offset, preadv2(file, nowhere, 1, -2, 0))                       \
 WRONG(pwritev2_flags, pwritev2(file, nowhere, 1, 0, 1 << 20))                 \
 WRONG(fsync_shut, fsync(shut))                                                \
 WRONG(fsync_pipe, fsync(tube.here))                                           \
 WRONG(msync_nowhere, msync(nowhere, 4, MS_SYNC))                              \
 WRONG(posix_fallocate_shut, posix_fallocate(shut, 0, 4))                      \
 WRONG(posix_fallocate_minus, posix_fallocate(file, minus, 4))                 \
 WRONG(fallocate_none, fallocate(file, 0, 0, 0))                               \
 WRONG(ftruncate_minus, ftruncate(file, minus))                                \
 WRONG(ftruncate_pipe, ftruncate(tube.here, 0))                                \
 WRONG(truncate_nowhere, truncate(nowhere, 0))                                 \
 WRONG(rename_nowhere, rename(nowhere, "x"))                                   \
 WRONG(renameat2_flags, renameat2(folder, "x", folder, "y", 1u << 20))         \
 WRONG(unlink_nowhere, unlink(nowhere))                                        \
 WRONG(unlinkat_shut, unlinkat(shut, "x", 0))                                  \
 WRONG(rmdir_file, rmdir("/dev/null"))                                         \
 WRONG(mkdir_there, mkdir("/", 0700))                                          \
 WRONG(stat_nowhere, stat(nowhere, (struct stat *)nowhere))                    \
 WRONG(stat_into_nowhere, stat("/", (struct stat *)nowhere))                   \
 WRONG(fstatat_shut, fstatat(shut, "x", (struct stat *)nowhere, 0))            \
 WRONG(fstatat_flags, fstatat(folder, "x", (struct stat *)nowhere, minus))     \
 WRONG(flock_shut, flock(shut, LOCK_EX))                                       \
 WRONG(flock_operation, flock(file, 0))                                        \
 WRONG(flock_both, flock(file, LOCK_EX | LOCK_SH))                             \
 WRONG(lockf_shut, lockf(shut, F_LOCK, 0))                                     \
 WRONG(lockf_folder, lockf(folder, F_LOCK, 0))                                 \
 WRONG(lockf_command, lockf(file, 99, 0))                                      \
 WRONG(sendfile_shut, sendfile(shut, file, NULL, 4))                           \
 WRONG(sendfile_from_shut, sendfile(stream.here, shut, NULL, 4))               \
 WRONG(copy_shut, copy_file_range(shut, NULL, file, NULL, 4, 0))               \
 WRONG(copy_flags, copy_file_range(file, NULL, file, NULL, 4, 1u << 20))       \
 WRONG(splice_shut, splice(shut, NULL, tube.there, NULL, 4, 0))                \
 WRONG(splice_no_pipe, splice(file, NULL, stream.here, NULL, 4, 0))            \
 WRONG(tee_shut, tee(shut, tube.there, 4, 0))                                  \
 WRONG(tee_file, tee(file, tube.there, 4, 0))                                  \
 WRONG(splice_to_shut, splice(tube.here, NULL, shut, NULL, 4, 0))              \
 WRONG(splice_to_itself, splice(tube.here, NULL, tube.there, NULL, 4, 0))      \
 WRONG(splice_from_where_it_ends,                                              \
       splice(tube.there, NULL, stream.here, NULL, 4, 0))                      \
 WRONG(splice_to_where_it_begins,                                              \
       splice(stream.here, NULL, tube.here, NULL, 4, 0))                       \
 WRONG(tee_to_shut, tee(tube.here, shut, 4, 0))                                \
 WRONG(tee_to_itself, tee(tube.here, tube.there, 4, 0))                        \
 WRONG(tee_no_pipe, tee(tube.here, stream.here, 4, 0))                         \
 WRONG(vmsplice_shut, vmsplice(shut, nowhere, 1, 0))                           \
 WRONG(vmsplice_nowhere, vmsplice(tube.there, nowhere, 1, 0))                  \
 WRONG(vmsplice_file, vmsplice(file, nowhere, 1, 0))                           \
 WRONG(tcdrain_pipe, tcdrain(tube.here))                                       \
 WRONG(tcdrain_shut, tcdrain(shut))                                            \
 WRONG(getaddrinfo_none, getaddrinfo(none, none, NULL, nowhere))               \
 WRONG(                                                                        \
     getaddrinfo_flags,                                                        \
     getaddrinfo("x", none, &(struct addrinfo){.ai_flags = 1 << 30}, nowhere)) \
 WRONG(getaddrinfo_family,                                                     \
       getaddrinfo("1.2.3.4", none, &(struct addrinfo){.ai_family = 99},       \
                   nowhere))                                                   \
 WRONG(getnameinfo_family,                                                     \
       getnameinfo((void *)bytes, 16, bytes + 16, 16, NULL, 0, 0))             \
 WRONG(getnameinfo_short,                                                      \
       getnameinfo((void *)bytes, 1, bytes + 16, 16, NULL, 0, 0))

#define WRONG(name, call)       \
 static long wrong_##name(void) \
 {                              \
  return (long)(call);          \
 }
WRONGS
#undef WRONG

static const struct {
    const char *name;
    long (*fn)(void);
} wrongs[] = {
#define WRONG(name, call) {#name, wrong_##name},
    WRONGS
#undef WRONG
};
#define WRONG_COUNT (sizeof(wrongs) / sizeof(wrongs[0]))

static struct {
    long result;
    int error;
} plain[WRONG_COUNT];

static void prepare(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char path[] = "/tmp/thrum-wrong-XXXXXX";

    sigemptyset(&no_signals);
    stream = ends_of_stream();
    packets = ends_of(SOCK_DGRAM);
    tube = ends_of_pipe();
    CHECK_INT(write(stream.there, "hello", 5), 5);
    CHECK_INT(write(packets.there, "hello", 5), 5);
    file = mkstemp(path);
    CHECK_INT(unlink(path), 0);
    CHECK_INT(pwrite(file, "hello", 5, 0), 5);
    folder = open("/", O_RDONLY | O_DIRECTORY);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_INT(bind(listener, (struct sockaddr *)&name, sizeof(sa_family_t)), 0);
    CHECK_INT(listen(listener, 1), 0);
}

static void clean(void)
{
    ends_close(&stream);
    ends_close(&packets);
    ends_close(&tube);
    CHECK_INT(close(file), 0);
    CHECK_INT(close(folder), 0);
    CHECK_INT(close(listener), 0);
}

static void remember(void)
{
    prepare();
    for (size_t i = 0; i < WRONG_COUNT; i++) {
        errno = 4321;
        plain[i].result = wrongs[i].fn();
        plain[i].error = errno;
    }
    clean();
}

static void compare(void)
{
    prepare();
    for (size_t i = 0; i < WRONG_COUNT; i++) {
        long result;
        int error;

        errno = 4321;
        result = wrongs[i].fn();
        error = errno;
        if (!CHECK(result == plain[i].result && error == plain[i].error))
            fprintf(stderr, "# %s: %ld, %s, and plain %ld, %s\n",
                    wrongs[i].name, result, strerror(error), plain[i].result,
                    strerror(plain[i].error));
    }
    clean();
}

/* Sanitizers look at what is given to a call themselves. */
TEST(P30_what_is_wrong_is_told_as_libc_tells_it)
{
    if (TEST_ASAN || TEST_TSAN)
        TEST_SKIP("sanitizers look where nothing is");
    case_run_plain(remember);
    case_run_in_greenlet(compare);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("wrong", argc, argv);
}
