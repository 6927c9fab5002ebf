/* SPDX-License-Identifier: MIT */
/*
 * socket_test.c - patched calls do what libc's do.
 *
 * Each of these tests is run three times: unpatched in a thread, which shows
 * that the test is right about the system, patched in a thread without a hub,
 * and patched in a greenlet.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "cases.h"

#define TEST_EACH_WAY(name)         \
 static void way_##name(void);      \
 TEST(name)                         \
 {                                  \
  case_run_plain(way_##name);       \
  case_run_outside(way_##name);     \
  case_run_in_greenlet(way_##name); \
 }                                  \
 static void way_##name(void)

#define CHECK_FAILS(call, error) \
 do {                            \
  errno = 0;                     \
  CHECK_INT((long)(call), -1);   \
  CHECK_INT(errno, (error));     \
 } while (0)

#define MUCH (256u * 1024)
#define FREE 1021 /* a number that is no descriptor's */

/* Not seen by the compiler, which would warn of what is done with it. */
static void *volatile nowhere = (void *)8;
static void *volatile none = NULL;
static volatile size_t too_much = SIZE_MAX;
static volatile int too_few = -1;
static volatile int too_many = IOV_MAX + 1;

static void set_timeout(int fd, int option)
{
    struct timeval soon = {0, 2000};

    CHECK_INT(setsockopt(fd, SOL_SOCKET, option, &soon, sizeof(soon)), 0);
}

static void set_nonblocking(int fd)
{
    CHECK_INT(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static void *write_hello(void *arg)
{
    const struct ends *ends = arg;

    CHECK_INT(write(ends->there, "hello", 5), 5);
    return NULL;
}

static void *close_there(void *arg)
{
    struct ends *ends = arg;

    CHECK_INT(close(ends->there), 0);
    ends->there = -1;
    return NULL;
}

static void fill(int fd)
{
    static char data[4096];

    while (send(fd, data, sizeof(data), MSG_DONTWAIT) >= 0)
        ;
    CHECK_INT(errno, EAGAIN);
}

/* ---- P13 ---- */

struct watched {
    int here;
    int there;
    const char *data;
    size_t size;
    int flags;
};

static void *look_and_write(void *arg)
{
    const struct watched *watched = arg;

    CHECK_INT(fcntl(watched->here, F_GETFL), watched->flags);
    CHECK_INT(write(watched->there, watched->data, watched->size),
              (long)watched->size);
    return NULL;
}

static void read_watched(int here, int there, const void *data, size_t size)
{
    struct watched watched = {here, there, data, size, fcntl(here, F_GETFL)};
    struct beside *writer = beside(look_and_write, &watched);
    char into[16];

    CHECK_INT(read(here, into, sizeof(into)), (long)size);
    CHECK(memcmp(into, data, size) == 0);
    beside_end(writer);
    CHECK_INT(fcntl(here, F_GETFL), watched.flags);
    CHECK_INT(watched.flags & O_NONBLOCK, 0);
}

TEST_EACH_WAY(P13_sockets_and_pipes_stay_as_they_are_set)
{
    struct ends ends = ends_of_stream();

    read_watched(ends.here, ends.there, "hello", 5);
    ends_close(&ends);
    ends = ends_of_pipe();
    read_watched(ends.here, ends.there, "hello", 5);
    ends_close(&ends);
}

TEST_EACH_WAY(P13_an_eventfd_stays_as_it_is_set)
{
    uint64_t one = 1;
    int fd = eventfd(0, 0);

    read_watched(fd, fd, &one, sizeof(one));
    CHECK_INT(close(fd), 0);
}

static struct ends ends_of_tty(void)
{
    struct ends ends = {-1, posix_openpt(O_RDWR | O_NOCTTY)};
    struct termios raw;
    char name[64] = "";

    CHECK_INT(grantpt(ends.there), 0);
    CHECK_INT(unlockpt(ends.there), 0);
    CHECK_INT(ptsname_r(ends.there, name, sizeof(name)), 0);
    ends.here = open(name, O_RDWR | O_NOCTTY);
    CHECK_INT(tcgetattr(ends.here, &raw), 0);
    cfmakeraw(&raw);
    CHECK_INT(tcsetattr(ends.here, TCSANOW, &raw), 0);
    return ends;
}

TEST_EACH_WAY(P13_a_tty_stays_as_it_is_set)
{
    struct ends ends = ends_of_tty();

    read_watched(ends.here, ends.there, "hello", 5);
    read_watched(ends.there, ends.here, "hello", 5);
    ends_close(&ends);
}

/* ---- P15 ---- */

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = (in_port_t)port,
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static int bound_tcp(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t length = sizeof(*address);

    *address = loopback(0);
    CHECK_INT(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)address, &length), 0);
    return fd;
}

static int connect_tcp(int fd, const struct sockaddr_in *address)
{
    return connect(fd, (const struct sockaddr *)address, sizeof(*address));
}

TEST_EACH_WAY(P15_a_connect_is_refused_and_may_be_tried_again)
{
    struct sockaddr_in address;
    int listener = bound_tcp(&address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK_FAILS(connect_tcp(fd, &address), ECONNREFUSED);
    CHECK_FAILS(connect_tcp(fd, &address), ECONNREFUSED);
    CHECK_INT(listen(listener, 8), 0);
    CHECK_INT(connect_tcp(fd, &address), 0);
    CHECK_FAILS(connect_tcp(fd, &address), EISCONN);
    CHECK_INT(fcntl(fd, F_GETFL), O_RDWR);
    CHECK_INT(close(fd), 0);
    CHECK_INT(close(listener), 0);
}

TEST_EACH_WAY(P15_a_nonblocking_connect_is_the_systems)
{
    struct sockaddr_in address;
    int listener = bound_tcp(&address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    CHECK_FAILS(connect_tcp(fd, &address), EINPROGRESS);
    CHECK_FAILS(connect_tcp(fd, &address), ECONNREFUSED);
    CHECK_FAILS(connect_tcp(-1, &address), EBADF);
    CHECK_INT(close(fd), 0);
    CHECK_INT(close(listener), 0);
}

/* Connects until nobody answers any more: the one that waits. */
static int connect_in_vain(const struct sockaddr_in *address, int others[8])
{
    int n = 0;

    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        set_timeout(fd, SO_SNDTIMEO);
        if (connect_tcp(fd, address) != 0 || n == 8) {
            CHECK_INT(errno, EINPROGRESS);
            return fd;
        }
        others[n++] = fd;
    }
}

TEST_EACH_WAY(P15_a_connect_that_times_out_goes_on)
{
    int others[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    struct timeval forever = {0, 0};
    struct sockaddr_in address;
    int listener = bound_tcp(&address);
    int fd;

    CHECK_INT(listen(listener, 0), 0);
    fd = connect_in_vain(&address, others);
    CHECK_FAILS(connect_tcp(fd, &address), EALREADY);
    CHECK_INT(close(accept(listener, NULL, NULL)), 0);
    CHECK_INT(
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &forever, sizeof(forever)), 0);
    CHECK_INT(connect_tcp(fd, &address), 0);
    CHECK_FAILS(connect_tcp(fd, &address), EISCONN);
    for (int i = 0; i < 8; i++)
        if (others[i] >= 0)
            CHECK_INT(close(others[i]), 0);
    CHECK_INT(close(fd), 0);
    CHECK_INT(close(listener), 0);
}

TEST_EACH_WAY(P15_a_full_queue_of_a_unix_listener_is_EAGAIN_in_the_end)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t length = sizeof(name);
    struct sockaddr *address = (struct sockaddr *)&name;
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    int first = socket(AF_UNIX, SOCK_STREAM, 0);
    int second = socket(AF_UNIX, SOCK_STREAM, 0);

    CHECK_INT(bind(listener, address, sizeof(sa_family_t)), 0);
    CHECK_INT(getsockname(listener, address, &length), 0);
    CHECK_FAILS(connect(first, address, length), ECONNREFUSED);
    CHECK_INT(listen(listener, 0), 0);
    CHECK_INT(connect(first, address, length), 0);
    set_timeout(second, SO_SNDTIMEO);
    CHECK_FAILS(connect(second, address, length), EAGAIN);
    set_nonblocking(second);
    CHECK_FAILS(connect(second, address, length), EAGAIN);
    CHECK_INT(close(first), 0);
    CHECK_INT(close(second), 0);
    CHECK_INT(close(listener), 0);
}

/* ---- P30: all of it ---- */

struct flow {
    struct ends ends;
    size_t size;
    size_t got;
};

static void *drain(void *arg)
{
    struct flow *flow = arg;
    static _Thread_local char data[3000];

    while (flow->got < flow->size) {
        ssize_t n = read(flow->ends.there, data, sizeof(data));

        if (!CHECK(n > 0))
            break;
        flow->got += (size_t)n;
    }
    return NULL;
}

static ssize_t send_vector(int fd, char *data, size_t n)
{
    struct iovec vector[3] = {{data, 1}, {data, 0}, {data, n - 1}};
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = 3};

    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static ssize_t write_vector(int fd, char *data, size_t n)
{
    struct iovec vector[2] = {{data, n - 1}, {data, 1}};

    return writev(fd, vector, 2);
}

static ssize_t write_plain(int fd, char *data, size_t n)
{
    return write(fd, data, n);
}

static ssize_t send_plain(int fd, char *data, size_t n)
{
    return send(fd, data, n, 0);
}

static ssize_t send_to(int fd, char *data, size_t n)
{
    return sendto(fd, data, n, 0, NULL, 0);
}

typedef ssize_t send_fn(int fd, char *data, size_t n);

static send_fn *const senders[] = {write_plain, write_vector, send_plain,
                                   send_vector, send_to};
#define SENDERS (sizeof(senders) / sizeof(senders[0]))

static struct ends ends_of_tcp(void)
{
    struct sockaddr_in address;
    struct ends ends;
    int listener = bound_tcp(&address);

    CHECK_INT(listen(listener, 1), 0);
    ends.here = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_INT(connect_tcp(ends.here, &address), 0);
    ends.there = accept(listener, NULL, NULL);
    CHECK_INT(close(listener), 0);
    return ends;
}

static void send_much(struct ends ends, send_fn *fn)
{
    struct flow flow = {ends, MUCH, 0};
    struct beside *reader = beside(drain, &flow);
    char *data = calloc(1, MUCH);
    int small = 4096;

    (void)setsockopt(ends.here, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    CHECK_INT(fn(ends.here, data, MUCH), MUCH);
    beside_end(reader);
    free(data);
    ends_close(&ends);
}

TEST_EACH_WAY(P30_what_blocks_sends_all)
{
    for (size_t i = 0; i < SENDERS; i++) {
        send_much(ends_of_stream(), senders[i]);
        send_much(ends_of_tcp(), senders[i]);
    }
}

static struct ends turned(struct ends ends)
{
    return (struct ends){ends.there, ends.here};
}

TEST_EACH_WAY(P30_what_blocks_writes_all_to_a_pipe)
{
    send_much(turned(ends_of_pipe()), write_plain);
    send_much(turned(ends_of_pipe()), write_vector);
}

static void *write_in_two(void *arg)
{
    struct ends *ends = arg;

    CHECK_INT(write(ends->there, "hel", 3), 3);
    if (case_in_greenlet())
        CHECK_INT(thrum_pass(), 0);
    CHECK_INT(write(ends->there, "lo", 2), 2);
    return close_there(ends);
}

static ssize_t recv_message(int fd, char *into, size_t n, int flags)
{
    struct iovec vector[2] = {{into, 1}, {into + 1, n - 1}};
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = 2};

    return recvmsg(fd, &message, flags);
}

static ssize_t recv_named(int fd, char *into, size_t n, int flags)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);

    return recvfrom(fd, into, n, flags, (struct sockaddr *)&from, &length);
}

static ssize_t recv_plain(int fd, char *into, size_t n, int flags)
{
    return recv(fd, into, n, flags);
}

typedef ssize_t recv_fn(int fd, char *into, size_t n, int flags);

static recv_fn *const receivers[] = {recv_plain, recv_named, recv_message};
#define RECEIVERS (sizeof(receivers) / sizeof(receivers[0]))

TEST_EACH_WAY(P30_MSG_WAITALL_receives_all_up_to_the_end)
{
    for (size_t i = 0; i < RECEIVERS; i++) {
        struct ends ends = ends_of_stream();
        struct beside *writer = beside(write_in_two, &ends);
        char text[8] = "";

        CHECK_INT(receivers[i](ends.here, text, 4, MSG_WAITALL), 4);
        CHECK_INT(receivers[i](ends.here, text + 4, 4, MSG_WAITALL), 1);
        CHECK_INT(receivers[i](ends.here, text, 4, MSG_WAITALL), 0);
        CHECK(memcmp(text, "hello", 5) == 0);
        beside_end(writer);
        ends_close(&ends);
    }
}

union control {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr header;
};

static void *write_with_descriptor(void *arg)
{
    const struct ends *ends = arg;
    union control control = {.room = ""};
    char text[2] = {'l', 'o'};
    struct iovec piece = {text, 2};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};

    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &ends->here, sizeof(int));
    CHECK_INT(write(ends->there, "hel", 3), 3);
    CHECK_INT(sendmsg(ends->there, &message, 0), 2);
    CHECK_INT(write(ends->there, "more", 4), 4);
    return NULL;
}

/* None may be lost on the way. */
TEST_EACH_WAY(P30_MSG_WAITALL_stops_after_a_descriptor)
{
    struct ends ends = ends_of_stream();
    struct beside *writer = beside(write_with_descriptor, &ends);
    union control control;
    char text[16];
    struct iovec vector[2] = {{text, 4}, {text + 4, 12}};
    struct msghdr message = {.msg_iov = vector,
                             .msg_iovlen = 2,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};
    int fd = -1;

    CHECK_INT(recvmsg(ends.here, &message, MSG_WAITALL), 5);
    if (CHECK_INT((long)message.msg_controllen, sizeof(control.room)))
        memcpy(&fd, CMSG_DATA(&control.header), sizeof(int));
    CHECK_INT(close(fd), 0);
    CHECK_INT(recv(ends.here, text, 4, MSG_WAITALL), 4);
    beside_end(writer);
    ends_close(&ends);
}

/* ---- P30: not now ---- */

static void check_receivers(int fd, int flags, int error)
{
    char text[4];

    for (size_t i = 0; i < RECEIVERS; i++)
        CHECK_FAILS(receivers[i](fd, text, 4, flags), error);
}

TEST_EACH_WAY(P30_MSG_DONTWAIT_is_EAGAIN)
{
    struct ends ends = ends_of_stream();
    struct mmsghdr many = {.msg_len = 0};
    struct timespec second = {1, 0};
    char text[8] = "";

    check_receivers(ends.here, MSG_DONTWAIT, EAGAIN);
    check_receivers(ends.here, MSG_DONTWAIT | MSG_WAITALL, EAGAIN);
    CHECK_FAILS(recvmmsg(ends.here, &many, 1, MSG_DONTWAIT, &second), EAGAIN);
    CHECK_INT(write(ends.there, "hello", 5), 5);
    CHECK_INT(recv(ends.here, text, 8, MSG_DONTWAIT | MSG_WAITALL), 5);
    fill(ends.here);
    CHECK_FAILS(send(ends.here, text, 5, MSG_DONTWAIT), EAGAIN);
    CHECK_FAILS(sendto(ends.here, text, 5, MSG_DONTWAIT, NULL, 0), EAGAIN);
    ends_close(&ends);
}

/* A look at errors, or at what is urgent, never waits. */
TEST_EACH_WAY(P30_errors_and_urgent_data_are_there_or_not)
{
    struct ends ends = ends_of_tcp();

    check_receivers(ends.here, MSG_ERRQUEUE, EAGAIN);
    check_receivers(ends.here, MSG_OOB, EINVAL);
    ends_close(&ends);
}

TEST_EACH_WAY(P30_SO_RCVTIMEO_is_EAGAIN)
{
    struct ends ends = ends_of_stream();
    char text[8] = "";
    struct iovec piece = {text, 8};

    set_timeout(ends.here, SO_RCVTIMEO);
    check_receivers(ends.here, 0, EAGAIN);
    check_receivers(ends.here, MSG_WAITALL, EAGAIN);
    CHECK_FAILS(read(ends.here, text, 8), EAGAIN);
    CHECK_FAILS(readv(ends.here, &piece, 1), EAGAIN);
    CHECK_INT(write(ends.there, "hello", 5), 5);
    CHECK_INT(recv(ends.here, text, 8, MSG_WAITALL), 5);
    ends_close(&ends);
}

TEST_EACH_WAY(P30_SO_SNDTIMEO_is_a_count_and_then_EAGAIN)
{
    char *data = calloc(1, MUCH * 4);

    for (size_t i = 0; i < SENDERS; i++) {
        struct ends ends = ends_of_stream();
        ssize_t n;

        set_timeout(ends.here, SO_SNDTIMEO);
        n = senders[i](ends.here, data, MUCH * 4);
        CHECK(n > 0 && n < MUCH * 4);
        CHECK_FAILS(senders[i](ends.here, data, MUCH), EAGAIN);
        ends_close(&ends);
    }
    free(data);
}

TEST_EACH_WAY(P30_O_NONBLOCK_is_a_count_and_then_EAGAIN)
{
    char *data = calloc(1, MUCH * 4);

    for (size_t i = 0; i < SENDERS; i++) {
        struct ends ends = ends_of_stream();
        ssize_t n;

        set_nonblocking(ends.here);
        n = senders[i](ends.here, data, MUCH * 4);
        CHECK(n > 0 && n < MUCH * 4);
        CHECK_FAILS(senders[i](ends.here, data, MUCH), EAGAIN);
        check_receivers(ends.here, 0, EAGAIN);
        check_receivers(ends.here, MSG_WAITALL, EAGAIN);
        CHECK_FAILS(read(ends.here, data, 1), EAGAIN);
        ends_close(&ends);
    }
    free(data);
}

TEST_EACH_WAY(P31_accept_of_a_nonblocking_or_patient_listener_is_EAGAIN)
{
    struct sockaddr_in address;
    int listener = bound_tcp(&address);

    CHECK_FAILS(accept(listener, NULL, NULL), EINVAL);
    CHECK_INT(listen(listener, 1), 0);
    set_timeout(listener, SO_RCVTIMEO);
    CHECK_FAILS(accept(listener, NULL, NULL), EAGAIN);
    CHECK_FAILS(accept4(listener, NULL, NULL, SOCK_CLOEXEC), EAGAIN);
    set_nonblocking(listener);
    CHECK_FAILS(accept(listener, NULL, NULL), EAGAIN);
    CHECK_FAILS(accept4(listener, NULL, NULL, 1), EINVAL);
    CHECK_INT(close(listener), 0);
}

struct accepting {
    int fd;
    struct sockaddr_in address;
};

static void *connect_to(void *arg)
{
    const struct accepting *accepting = arg;

    CHECK_INT(connect_tcp(accepting->fd, &accepting->address), 0);
    return NULL;
}

TEST_EACH_WAY(P31_accept_sets_the_flags_that_it_is_asked_for)
{
    static const int flags[] = {0, SOCK_CLOEXEC, SOCK_NONBLOCK,
                                SOCK_CLOEXEC | SOCK_NONBLOCK};
    struct accepting accepting;
    int listener = bound_tcp(&accepting.address);

    CHECK_INT(listen(listener, 1), 0);
    for (int i = 0; i < 4; i++) {
        struct sockaddr_in from;
        socklen_t length = sizeof(from);
        struct beside *client;
        int fd;

        accepting.fd = socket(AF_INET, SOCK_STREAM, 0);
        client = beside(connect_to, &accepting);
        fd = accept4(listener, (struct sockaddr *)&from, &length, flags[i]);
        CHECK_INT(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
        CHECK_INT(fcntl(fd, F_GETFD), flags[i] & SOCK_CLOEXEC ? FD_CLOEXEC : 0);
        CHECK_INT(fcntl(fd, F_GETFL) & O_NONBLOCK,
                  flags[i] & SOCK_NONBLOCK ? O_NONBLOCK : 0);
        beside_end(client);
        CHECK_INT(close(fd), 0);
        CHECK_INT(close(accepting.fd), 0);
    }
    CHECK_INT(close(listener), 0);
}

/* ---- P30: many messages ---- */

static void *send_three(void *arg)
{
    const struct ends *ends = arg;

    for (int i = 0; i < 3; i++)
        CHECK_INT(send(ends->there, "hello", 5, 0), 5);
    return NULL;
}

TEST_EACH_WAY(P30_recvmmsg_waits_for_one_or_for_all)
{
    struct ends ends = ends_of(SOCK_DGRAM);
    struct beside *sender = beside(send_three, &ends);
    struct timespec none_left = {0, 0};
    struct timespec wrong = {0, 1000000000};
    struct timespec minute = {60, 0};
    struct mmsghdr many[4];

    memset(many, 0, sizeof(many));
    beside_end(sender);
    CHECK_FAILS(recvmmsg(ends.here, many, 4, 0, &wrong), EINVAL);
    CHECK_INT(recvmmsg(ends.here, many, 4, 0, &none_left), 1);
    CHECK_INT(recvmmsg(ends.here, many, 1, 0, &minute), 1);
    CHECK(minute.tv_sec < 60 && minute.tv_sec >= 0);
    CHECK_INT(recvmmsg(ends.here, many, 4, MSG_WAITFORONE, NULL), 1);
    sender = beside(send_three, &ends);
    CHECK_INT(recvmmsg(ends.here, many, 3, 0, NULL), 3);
    CHECK_INT(many[2].msg_len, 0);
    CHECK(many[2].msg_hdr.msg_flags & MSG_TRUNC);
    beside_end(sender);
    CHECK_INT(sendmmsg(ends.here, many, 0, 0), 0);
    ends_close(&ends);
}

/* ---- P30: SIGPIPE ---- */

static volatile sig_atomic_t broken;

static void count_broken(int number)
{
    (void)number;
    broken++;
}

struct counted {
    struct sigaction before;
};

static void count_begin(struct counted *counted)
{
    struct sigaction action = {.sa_handler = count_broken};

    broken = 0;
    CHECK_INT(sigaction(SIGPIPE, &action, &counted->before), 0);
}

static void count_end(const struct counted *counted)
{
    CHECK_INT(sigaction(SIGPIPE, &counted->before, NULL), 0);
}

TEST_EACH_WAY(P30_SIGPIPE_comes_once_and_not_when_unwanted)
{
    struct ends ends = ends_of_stream();
    struct counted counted;
    char data[4] = "";

    close_there(&ends);
    count_begin(&counted);
    for (size_t i = 0; i < SENDERS; i++) {
        broken = 0;
        CHECK_FAILS(senders[i](ends.here, data, 4), EPIPE);
        CHECK_INT(broken, senders[i] == send_vector ? 0 : 1);
    }
    broken = 0;
    CHECK_FAILS(send(ends.here, data, 4, MSG_NOSIGNAL), EPIPE);
    CHECK_INT(broken, 0);
    ends_close(&ends);
    ends = turned(ends_of_pipe());
    close_there(&ends);
    CHECK_FAILS(write(ends.here, data, 4), EPIPE);
    CHECK_INT(broken, 1);
    CHECK_FAILS(write_vector(ends.here, data, 4), EPIPE);
    CHECK_INT(broken, 2);
    count_end(&counted);
    ends_close(&ends);
}

TEST_EACH_WAY(P30_packets_raise_no_SIGPIPE)
{
    struct ends ends = ends_of(SOCK_SEQPACKET);
    struct counted counted;
    char data[4] = "";

    close_there(&ends);
    count_begin(&counted);
    for (size_t i = 0; i < SENDERS; i++)
        CHECK_FAILS(senders[i](ends.here, data, 4), EPIPE);
    CHECK_INT(broken, 0);
    count_end(&counted);
    ends_close(&ends);
}

static void *read_some_and_close(void *arg)
{
    struct ends *ends = arg;
    char data[4096];

    CHECK_INT(read(ends->there, data, sizeof(data)), sizeof(data));
    return close_there(ends);
}

/* Some was sent, and the rest has no reader: the count, and the signal only for
 * a pipe. */
static void break_in_the_middle(struct ends ends, send_fn *fn, int signals)
{
    struct beside *reader = beside(read_some_and_close, &ends);
    struct counted counted;
    char *data = calloc(1, MUCH * 4);
    ssize_t n;

    count_begin(&counted);
    n = fn(ends.here, data, MUCH * 4);
    CHECK(n >= 4096 && n < MUCH * 4);
    CHECK_INT(broken, signals);
    beside_end(reader);
    count_end(&counted);
    free(data);
    ends_close(&ends);
}

TEST_EACH_WAY(P30_what_was_sent_before_it_broke_is_counted)
{
    for (size_t i = 0; i < SENDERS; i++)
        break_in_the_middle(ends_of_stream(), senders[i], 0);
    break_in_the_middle(turned(ends_of_pipe()), write_plain, 1);
    break_in_the_middle(turned(ends_of_pipe()), write_vector, 1);
}

/* ---- P30: nothing, and nonsense ---- */

TEST_EACH_WAY(P30_nothing_is_done_at_once)
{
    struct ends ends = ends_of_stream();
    struct iovec empty[2] = {{nowhere, 0}, {none, 0}};
    char text[4];

    CHECK_INT(read(ends.here, text, 0), 0);
    CHECK_INT(readv(ends.here, empty, 2), 0);
    CHECK_INT(readv(ends.here, empty, 0), 0);
    CHECK_INT(write(ends.here, text, 0), 0);
    CHECK_INT(writev(ends.here, empty, 2), 0);
    CHECK_INT(send(ends.here, text, 0, 0), 0);
    ends_close(&ends);
    ends = ends_of_pipe();
    CHECK_INT(read(ends.here, text, 0), 0);
    CHECK_INT(readv(ends.here, empty, 2), 0);
    CHECK_INT(write(ends.there, text, 0), 0);
    CHECK_INT(writev(ends.there, empty, 2), 0);
    ends_close(&ends);
    ends = ends_of(SOCK_DGRAM);
    CHECK_INT(send(ends.there, text, 0, 0), 0);
    CHECK_INT(recv(ends.here, text, 4, 0), 0);
    ends_close(&ends);
}

static void check_bad_memory(int fd, int to)
{
    struct iovec piece = {nowhere, 4};

    CHECK_FAILS(write(to, nowhere, 4), EFAULT);
    CHECK_FAILS(writev(to, &piece, 1), EFAULT);
    CHECK_FAILS(writev(to, nowhere, 1), EFAULT);
    CHECK_INT(write(to, "hello", 5), 5);
    CHECK_FAILS(read(fd, nowhere, 4), EFAULT);
    CHECK_FAILS(readv(fd, &piece, 1), EFAULT);
    CHECK_FAILS(readv(fd, nowhere, 1), EFAULT);
}

TEST_EACH_WAY(P30_memory_that_is_not_there_is_EFAULT)
{
    struct ends ends = ends_of_pipe();

    check_bad_memory(ends.here, ends.there);
    ends_close(&ends);
    ends = ends_of_stream();
    check_bad_memory(ends.here, ends.there);
    CHECK_FAILS(recv(ends.here, nowhere, 4, 0), EFAULT);
    CHECK_FAILS(send(ends.here, nowhere, 4, 0), EFAULT);
    CHECK_FAILS(recvmsg(ends.here, none, 0), EFAULT);
    CHECK_FAILS(sendmsg(ends.here, none, 0), EFAULT);
    CHECK_FAILS(sendmsg(ends.here, nowhere, 0), EFAULT);
    CHECK_FAILS(recvmmsg(ends.here, nowhere, 1, 0, NULL), EFAULT);
    CHECK_FAILS(connect(ends.here, nowhere, 16), EFAULT);
    ends_close(&ends);
}

TEST_EACH_WAY(P30_sizes_that_cannot_be_are_errors)
{
    struct ends ends = ends_of_pipe();
    struct iovec piece = {none, too_much};
    char text[4];

    CHECK_FAILS(read(ends.here, text, too_much), EFAULT);
    CHECK_FAILS(write(ends.there, text, too_much), EFAULT);
    CHECK_FAILS(readv(ends.here, &piece, 1), EINVAL);
    CHECK_FAILS(writev(ends.there, &piece, 1), EINVAL);
    CHECK_FAILS(readv(ends.here, &piece, too_few), EINVAL);
    CHECK_FAILS(readv(ends.here, &piece, too_many), EINVAL);
    CHECK_FAILS(writev(ends.there, &piece, too_many), EINVAL);
    CHECK_FAILS(recv(ends.here, text, 4, 0), ENOTSOCK);
    CHECK_FAILS(send(ends.here, text, 4, 0), ENOTSOCK);
    CHECK_FAILS(read(ends.there, text, 4), EBADF);
    CHECK_FAILS(write(ends.here, text, 4), EBADF);
    ends_close(&ends);
    ends = ends_of_stream();
    CHECK_FAILS(read(ends.here, text, too_much), EFAULT);
    CHECK_FAILS(write(ends.here, text, too_much), EFAULT);
    CHECK_FAILS(writev(ends.here, &piece, too_many), EINVAL);
    ends_close(&ends);
}

TEST_EACH_WAY(P30_numbers_that_are_no_descriptors_are_EBADF)
{
    char text[4] = "";

    CHECK_FAILS(read(-1, text, 4), EBADF);
    CHECK_FAILS(read(FREE, text, 4), EBADF);
    CHECK_FAILS(write(FREE, text, 4), EBADF);
    check_receivers(FREE, 0, EBADF);
    check_receivers(-1, 0, EBADF);
    for (size_t i = 0; i < SENDERS; i++)
        CHECK_FAILS(senders[i](FREE, text, 4), EBADF);
    CHECK_FAILS(accept(FREE, NULL, NULL), EBADF);
    CHECK_FAILS(close(FREE), EBADF);
    CHECK_FAILS(close(-1), EBADF);
    CHECK_FAILS(dup(FREE), EBADF);
    CHECK_FAILS(fcntl(FREE, F_GETFL), EBADF);
}

TEST_EACH_WAY(P31_accept_may_do_without_an_address)
{
    struct accepting accepting;
    int listener = bound_tcp(&accepting.address);
    struct sockaddr_in from;
    socklen_t length = sizeof(from);

    CHECK_INT(listen(listener, 4), 0);
    for (int i = 0; i < 2; i++) {
        int fd;

        accepting.fd = socket(AF_INET, SOCK_STREAM, 0);
        connect_to(&accepting);
        if (i == 0) {
            fd = accept(listener, NULL, &length);
            CHECK_INT(close(fd), 0);
        } else {
            CHECK_FAILS(accept(listener, (struct sockaddr *)&from, none),
                        EFAULT);
        }
        CHECK_INT(close(accepting.fd), 0);
    }
    CHECK_INT(close(listener), 0);
}

TEST_EACH_WAY(P30_half_of_a_vector_is_filled)
{
    struct ends ends = ends_of_stream();
    struct beside *writer = beside(write_hello, &ends);
    char text[8] = "";
    struct iovec vector[3] = {{text, 3}, {text + 3, 1}, {text + 4, 4}};

    CHECK_INT(readv(ends.here, vector, 3), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    beside_end(writer);
    ends_close(&ends);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("socket", argc, argv);
}
