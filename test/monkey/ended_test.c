/* SPDX-License-Identifier: MIT */
/*
 * ended_test.c - what ends the wait of a patched call before its time: a close,
 * a kill, a deadline, a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "cases.h"

#define MUCH (1024u * 1024)

static void patched(thrum_fn *fn, void *arg)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_monkey_patch_all(), 0);
    assert_int_equal(thrum_spawn(fn, arg, 0, &future), 0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

/* Runs what follows in a greenlet, patched. */
#define TEST_IN_GREENLET(name)            \
 static void *green_##name(void *unused); \
 TEST(name)                               \
 {                                        \
  patched(green_##name, NULL);            \
 }                                        \
 static void *green_##name(void *unused)

/* ---- calls that wait ---- */

struct call {
    ssize_t (*fn)(int fd);
    struct ends (*ends)(void);
};

static char much[MUCH];

static ssize_t by_read(int fd)
{
    return read(fd, much, 4);
}

static ssize_t by_readv(int fd)
{
    struct iovec piece = {much, 4};

    return readv(fd, &piece, 1);
}

static ssize_t by_recv(int fd)
{
    return recv(fd, much, 4, 0);
}

static ssize_t by_recv_all(int fd)
{
    return recv(fd, much, 4, MSG_WAITALL);
}

static ssize_t by_recvfrom(int fd)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);

    return recvfrom(fd, much, 4, 0, (struct sockaddr *)&from, &length);
}

static ssize_t by_recvmsg(int fd)
{
    struct iovec piece = {much, 4};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

    return recvmsg(fd, &message, 0);
}

static ssize_t by_recvmmsg(int fd)
{
    struct iovec piece = {much, 4};
    struct mmsghdr many = {.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}};

    return recvmmsg(fd, &many, 1, 0, NULL);
}

static ssize_t by_write(int fd)
{
    return write(fd, much, MUCH);
}

static ssize_t by_writev(int fd)
{
    struct iovec vector[2] = {{much, 1}, {much, MUCH - 1}};

    return writev(fd, vector, 2);
}

static ssize_t by_send(int fd)
{
    return send(fd, much, MUCH, 0);
}

static ssize_t by_sendto(int fd)
{
    return sendto(fd, much, MUCH, 0, NULL, 0);
}

static ssize_t by_sendmsg(int fd)
{
    struct iovec vector[2] = {{much, 1}, {much, MUCH - 1}};
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = 2};

    return sendmsg(fd, &message, 0);
}

static ssize_t by_sendmmsg(int fd)
{
    struct iovec piece = {much, MUCH};
    struct mmsghdr many = {.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}};

    return sendmmsg(fd, &many, 1, 0);
}

static ssize_t by_accept(int fd)
{
    return accept(fd, NULL, NULL);
}

static ssize_t by_accept4(int fd)
{
    return accept4(fd, NULL, NULL, SOCK_CLOEXEC);
}

static struct sockaddr_un full_name; /* of the listener whose queue is full */
static socklen_t full_length;

static ssize_t by_connect(int fd)
{
    return connect(fd, (struct sockaddr *)&full_name, full_length);
}

static struct ends ends_of_full_stream(void)
{
    struct ends ends = ends_of_stream();

    while (send(ends.here, much, 4096, MSG_DONTWAIT) >= 0)
        ;
    CHECK_INT(errno, EAGAIN);
    return ends;
}

static struct ends ends_of_full_pipe(void)
{
    struct ends ends = ends_of_pipe();
    struct ends turned = {ends.there, ends.here};
    int flags = fcntl(ends.there, F_GETFL);

    CHECK_INT(fcntl(ends.there, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(ends.there, much, 4096) >= 0)
        ;
    CHECK_INT(errno, EAGAIN);
    CHECK_INT(fcntl(ends.there, F_SETFL, flags), 0);
    return turned;
}

static int listener_of(int backlog)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    CHECK_INT(bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t)), 0);
    CHECK_INT(listen(fd, backlog), 0);
    return fd;
}

static struct ends ends_of_listener(void)
{
    return (struct ends){listener_of(1), -1};
}

static struct ends ends_of_full_listener(void)
{
    struct ends ends = {socket(AF_UNIX, SOCK_STREAM, 0), listener_of(0)};
    int first = socket(AF_UNIX, SOCK_STREAM, 0);

    full_length = sizeof(full_name);
    CHECK_INT(
        getsockname(ends.there, (struct sockaddr *)&full_name, &full_length),
        0);
    CHECK_INT(by_connect(first), 0);
    CHECK_INT(close(first), 0);
    return ends;
}

static const struct call calls[] = {
    {by_read, ends_of_pipe},
    {by_read, ends_of_stream},
    {by_readv, ends_of_pipe},
    {by_recv, ends_of_stream},
    {by_recv_all, ends_of_stream},
    {by_recvfrom, ends_of_stream},
    {by_recvmsg, ends_of_stream},
    {by_recvmmsg, ends_of_stream},
    {by_write, ends_of_full_pipe},
    {by_write, ends_of_full_stream},
    {by_writev, ends_of_full_pipe},
    {by_writev, ends_of_full_stream},
    {by_send, ends_of_full_stream},
    {by_sendto, ends_of_full_stream},
    {by_sendmsg, ends_of_full_stream},
    {by_sendmmsg, ends_of_full_stream},
    {by_accept, ends_of_listener},
    {by_accept4, ends_of_listener},
    {by_connect, ends_of_full_listener},
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* One of them under way in a greenlet. */
struct waiting {
    const struct call *call;
    struct ends ends;
    thrum_future *future;
    ssize_t result;
    int error;
};

static void *wait_in_call(void *arg)
{
    struct waiting *waiting = arg;

    errno = 0;
    waiting->result = waiting->call->fn(waiting->ends.here);
    waiting->error = errno;
    return NULL;
}

static void wait_begin(struct waiting *waiting, const struct call *call)
{
    *waiting = (struct waiting){.call = call, .ends = call->ends()};
    CHECK_INT(thrum_spawn(wait_in_call, waiting, 0, &waiting->future), 0);
    for (int i = 0; i < 3; i++)
        (void)thrum_pass();
    CHECK(!thrum_future_done(waiting->future));
}

static void wait_end(struct waiting *waiting, int error)
{
    int rc = thrum_future_result(waiting->future, THRUM_FOREVER, NULL);

    CHECK(rc == 0 || rc == THRUM_ECANCELLED);
    CHECK_INT(waiting->result, -1);
    CHECK_INT(waiting->error, error);
    thrum_future_unref(waiting->future);
    ends_close(&waiting->ends);
}

/* ---- kills and deadlines ---- */

TEST_IN_GREENLET(P30_a_kill_is_ECANCELED)
{
    struct waiting waiting;

    (void)unused;
    for (size_t i = 0; i < CALLS; i++) {
        wait_begin(&waiting, &calls[i]);
        CHECK_INT(thrum_future_kill(waiting.future, THRUM_FOREVER), 0);
        wait_end(&waiting, ECANCELED);
    }
    return NULL;
}

TEST_IN_GREENLET(P30_the_deadline_of_a_block_is_ETIMEDOUT)
{
    (void)unused;
    for (size_t i = 0; i < CALLS; i++) {
        struct ends ends = calls[i].ends();
        bool expired = false;

        THRUM_WITH_DEADLINE(limit, thrum_in_ms(2)) {
            CHECK_INT(calls[i].fn(ends.here), -1);
            CHECK_INT(errno, ETIMEDOUT);
            expired = thrum_expired(&limit);
        }
        CHECK(expired);
        ends_close(&ends);
    }
    return NULL;
}

/* Some is sent, and then it is killed: that is counted, and the next call finds
 * the kill. */
struct sending {
    int fd;
    ssize_t (*fn)(int fd);
};

static void *send_twice(void *arg)
{
    const struct sending *sending = arg;
    ssize_t n = sending->fn(sending->fd);

    CHECK(n > 0 && n < MUCH);
    CHECK_INT(sending->fn(sending->fd), -1);
    CHECK_INT(errno, ECANCELED);
    return NULL;
}

static void kill_after_some(struct ends ends, ssize_t (*fn)(int fd))
{
    struct sending sending = {ends.here, fn};
    thrum_future *future = NULL;

    CHECK_INT(thrum_spawn(send_twice, &sending, 0, &future), 0);
    for (int i = 0; i < 3; i++)
        CHECK_INT(thrum_pass(), 0);
    CHECK(!thrum_future_done(future));
    CHECK_INT(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
    ends_close(&ends);
}

TEST_IN_GREENLET(P30_what_was_done_before_a_kill_is_counted)
{
    struct ends ends = ends_of_pipe();

    (void)unused;
    kill_after_some((struct ends){ends.there, ends.here}, by_write);
    ends = ends_of_pipe();
    kill_after_some((struct ends){ends.there, ends.here}, by_writev);
    kill_after_some(ends_of_stream(), by_write);
    kill_after_some(ends_of_stream(), by_writev);
    kill_after_some(ends_of_stream(), by_send);
    kill_after_some(ends_of_stream(), by_sendto);
    kill_after_some(ends_of_stream(), by_sendmsg);
    return NULL;
}

TEST_IN_GREENLET(P30_what_came_before_a_deadline_is_counted)
{
    struct ends ends = ends_of_stream();

    (void)unused;
    CHECK_INT(write(ends.there, "ab", 2), 2);
    THRUM_WITH_DEADLINE(limit, thrum_in_ms(2)) {
        CHECK_INT(by_recv_all(ends.here), 2);
        CHECK_INT(by_recv_all(ends.here), -1);
        CHECK_INT(errno, ETIMEDOUT);
    }
    CHECK_INT(write(ends.there, "abcd", 4), 4);
    CHECK_INT(by_recv_all(ends.here), 4);
    ends_close(&ends);
    return NULL;
}

/* ---- closes ---- */

TEST_IN_GREENLET(P17_a_close_by_another_greenlet_is_EBADF)
{
    struct waiting waiting;

    (void)unused;
    for (size_t i = 0; i < CALLS; i++) {
        wait_begin(&waiting, &calls[i]);
        CHECK_INT(close(waiting.ends.here), 0);
        waiting.ends.here = -1;
        wait_end(&waiting, EBADF);
    }
    return NULL;
}

static void *close_it(void *arg)
{
    CHECK_INT(close(*(int *)arg), 0);
    return NULL;
}

TEST_IN_GREENLET(P17_a_close_by_another_thread_is_EBADF)
{
    struct waiting waiting;

    (void)unused;
    for (size_t i = 0; i < CALLS; i++) {
        struct test_thread *closer;

        wait_begin(&waiting, &calls[i]);
        closer = spawn_thread(close_it, &waiting.ends.here);
        CHECK_INT(thrum_future_result(waiting.future, THRUM_FOREVER, NULL), 0);
        join_thread(closer);
        waiting.ends.here = -1;
        wait_end(&waiting, EBADF);
    }
    return NULL;
}

TEST_IN_GREENLET(P16_a_number_that_dup2_takes_is_EBADF_for_who_waits_there)
{
    struct waiting waiting;
    struct ends other = ends_of_pipe();
    char text[5] = "";

    (void)unused;
    for (size_t i = 0; i < CALLS; i++) {
        if (calls[i].ends == ends_of_full_listener)
            continue; /* nobody waits there, it is tried again */
        wait_begin(&waiting, &calls[i]);
        if (i % 2 == 0)
            CHECK_INT(dup2(other.here, waiting.ends.here), waiting.ends.here);
        else
            CHECK_INT(dup3(other.here, waiting.ends.here, O_CLOEXEC),
                      waiting.ends.here);
        CHECK_INT(write(other.there, "hello", 5), 5);
        CHECK_INT(read(waiting.ends.here, text, 5), 5);
        wait_end(&waiting, EBADF);
    }
    ends_close(&other);
    return NULL;
}

/* The registration of the first number must not outlive it. */
TEST_IN_GREENLET(P16_a_copy_goes_on_when_the_first_is_closed)
{
    static const struct call read_of_stream = {by_read, ends_of_stream};
    struct waiting waiting;
    struct waiting later;
    int copy;

    (void)unused;
    wait_begin(&waiting, &read_of_stream);
    copy = dup(waiting.ends.here);
    CHECK_INT(close(waiting.ends.here), 0);
    waiting.ends.here = copy;
    CHECK_INT(thrum_future_result(waiting.future, THRUM_FOREVER, NULL), 0);
    CHECK_INT(waiting.error, EBADF);
    wait_begin(&later, &read_of_stream); /* has the number */
    CHECK_INT(write(waiting.ends.there, "mine", 4), 4);
    (void)thrum_pass();
    CHECK(!thrum_future_done(later.future));
    CHECK_INT(by_read(copy), 4);
    CHECK_INT(write(later.ends.there, "more", 4), 4);
    CHECK_INT(thrum_future_result(later.future, THRUM_FOREVER, NULL), 0);
    CHECK_INT(later.result, 4);
    later.result = -1;
    wait_end(&later, 0);
    wait_end(&waiting, EBADF);
    return NULL;
}

TEST_IN_GREENLET(P46_close_range_is_EBADF_for_who_waits_there)
{
    static const struct call read_of_pipe = {by_read, ends_of_pipe};
    struct waiting waiting;

    (void)unused;
    wait_begin(&waiting, &read_of_pipe);
    CHECK_INT(close_range((unsigned)waiting.ends.here,
                          (unsigned)waiting.ends.here, 0),
              0);
    waiting.ends.here = -1;
    wait_end(&waiting, EBADF);
    return NULL;
}

static int close_all_in_child(void *arg)
{
    int way = *(int *)arg;
    struct ends ends;
    struct waiting waiting;
    static const struct call read_of_pipe = {by_read, ends_of_pipe};

    wait_begin(&waiting, &read_of_pipe);
    if (way == 0)
        closefrom(3);
    else if (way == 1)
        CHECK_INT(close_range(3, ~0u, 0), 0);
    else
        for (int fd = 3; fd < 1100; fd++)
            (void)close(fd);
    waiting.ends = (struct ends){-1, -1};
    wait_end(&waiting, EBADF);
    ends = ends_of_pipe();
    case_of_reading(ends, read);
    return 0;
}

/* As daemons do: the hub's own are left. */
TEST(P46_a_program_may_close_all_that_it_has)
{
    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer has files and locks of its own in a child");
    for (int way = 0; way < 3; way++) {
        assert_int_equal(thrum_monkey_patch_all(), 0);
        assert_int_equal(in_child(close_all_in_child, &way), 0);
        assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
    }
}

/* ---- P23 ---- */

static void *set_errno_and_write(void *arg)
{
    const struct ends *ends = arg;

    errno = 4321;
    CHECK_INT(write(ends->there, "hello", 5), 5);
    CHECK_INT(close(-1), -1);
    return NULL;
}

TEST_IN_GREENLET(P23_errno_is_each_greenlets_own)
{
    struct ends ends = ends_of_stream();
    thrum_future *future = NULL;

    (void)unused;
    CHECK_INT(thrum_spawn(set_errno_and_write, &ends, 0, &future), 0);
    errno = 1234;
    CHECK_INT(by_recv_all(ends.here), 4);
    CHECK_INT(errno, 1234);
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    CHECK_INT(errno, 1234);
    thrum_future_unref(future);
    ends_close(&ends);
    return NULL;
}

/* ---- signals ---- */

static struct ends signal_ends;
static atomic_int signal_count;
static atomic_int others_ran;

static void set_handler(void (*fn)(int), int flags, struct sigaction *before)
{
    struct sigaction action = {.sa_handler = fn, .sa_flags = flags};

    CHECK_INT(sigaction(SIGUSR1, &action, before), 0);
}

/* Reads what comes only while it waits, without anybody else's turn. */
static void read_in_handler(int number)
{
    char byte = 0;
    int error = errno;

    (void)number;
    CHECK(!thrum_hub_can_wait());
    atomic_store(&signal_count, 1);
    CHECK_INT(read(signal_ends.here, &byte, 1), 1);
    CHECK_INT(atomic_load(&others_ran), 0);
    CHECK_INT(write(signal_ends.here, "!", 1), 1);
    errno = error;
}

static void *write_to_handler(void *arg)
{
    (void)arg;
    WAIT_UNTIL(atomic_load(&signal_count) != 0);
    CHECK_INT(write(signal_ends.there, "x", 1), 1);
    return NULL;
}

static void *run_beside(void *arg)
{
    atomic_store(&others_ran, 1);
    return arg;
}

TEST_IN_GREENLET(P28_a_handler_on_a_stack_of_its_own_calls_the_original)
{
    static char room[64 * 1024];
    stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)};
    struct test_thread *writer;
    struct sigaction before;
    stack_t stack_before;
    thrum_future *future = NULL;
    char byte;

    (void)unused;
    signal_ends = ends_of_stream();
    atomic_store(&signal_count, 0);
    atomic_store(&others_ran, 0);
    CHECK_INT(sigaltstack(&stack, &stack_before), 0);
    set_handler(read_in_handler, SA_ONSTACK, &before);
    CHECK_INT(thrum_spawn(run_beside, NULL, 0, &future), 0);
    writer = spawn_thread(write_to_handler, NULL);
    raise(SIGUSR1);
    join_thread(writer);
    CHECK_INT(read(signal_ends.there, &byte, 1), 1);
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    CHECK_INT(atomic_load(&others_ran), 1);
    thrum_future_unref(future);
    CHECK_INT(sigaction(SIGUSR1, &before, NULL), 0);
    CHECK_INT(sigaltstack(&stack_before, NULL), 0);
    ends_close(&signal_ends);
    return NULL;
}

static void *wait_for_handler(void *unused)
{
    char byte = 0;

    (void)unused;
    CHECK_INT(thrum_hub_open(NULL), 0);
    CHECK_INT(read(signal_ends.there, &byte, 1), 1);
    CHECK_INT(byte, '!');
    return NULL;
}

/* The handler interrupts the hub, while all its greenlets wait; what it writes
 * ends the wait. */
static void interrupt_the_hub(int flags)
{
    struct test_thread *thread;
    struct sigaction before;

    signal_ends = ends_of_stream();
    atomic_store(&signal_count, 0);
    atomic_store(&others_ran, 0);
    set_handler(read_in_handler, flags, &before);
    thread = spawn_thread(wait_for_handler, NULL);
    thread_await_sleep(thread);
    CHECK_INT(send(signal_ends.there, "x", 1, 0), 1);
    thread_signal(thread, SIGUSR1);
    join_thread(thread);
    CHECK_INT(sigaction(SIGUSR1, &before, NULL), 0);
    ends_close(&signal_ends);
}

TEST(P28_a_handler_that_interrupts_the_hub_calls_the_original)
{
    assert_int_equal(thrum_monkey_patch_all(), 0);
    interrupt_the_hub(SA_RESTART);
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signal_count, 1);
}

static atomic_int green_result;
static atomic_bool read_is_over;

static void *read_green(void *unused)
{
    char byte;

    (void)unused;
    atomic_store(&green_result, (int)read(signal_ends.here, &byte, 1));
    return NULL;
}

/* The thread's own program reads, and a greenlet of it does. */
static void *read_with_greenlet(void *ret_error)
{
    thrum_future *future = NULL;
    struct ends other = ends_of_stream();
    char byte;
    ssize_t n;

    CHECK_INT(thrum_spawn(read_green, NULL, 0, &future), 0);
    errno = 0;
    n = read(other.here, &byte, 1);
    *(int *)ret_error = n < 0 ? errno : 0;
    atomic_store(&read_is_over, true);
    CHECK(!thrum_future_done(future));
    CHECK_INT(send(signal_ends.there, "x", 1, 0), 1);
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    CHECK_INT(atomic_load(&green_result), 1);
    thrum_future_unref(future);
    ends_close(&other);
    return NULL;
}

/* A signal that comes before the hub sleeps ends nothing, so there are more. */
TEST(P24_a_handler_ends_the_wait_of_the_threads_own_program)
{
    struct test_thread *thread;
    struct sigaction before;
    int error = 0;

    assert_int_equal(thrum_monkey_patch_all(), 0);
    signal_ends = ends_of_stream();
    atomic_store(&signal_count, 0);
    set_handler(count_signal, 0, &before);
    atomic_store(&read_is_over, false);
    thread = spawn_thread(read_with_greenlet, &error);
    while (!atomic_load(&read_is_over)) {
        thread_signal(thread, SIGUSR1);
        usleep(1000);
    }
    join_thread(thread);
    assert_true(atomic_load(&signal_count) > 0);
    assert_int_equal(error, EINTR);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    ends_close(&signal_ends);
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

/* ---- P27 ---- */

static struct ends callback_ends;

static void read_in_callback(thrum_future *future, void *arg)
{
    char text[5] = "";

    (void)future;
    CHECK(!thrum_hub_can_wait());
    CHECK_INT(read(callback_ends.here, text, 5), 5);
    *(int *)arg += 1;
}

static void *nothing(void *arg)
{
    return arg;
}

TEST_IN_GREENLET(P27_a_callback_calls_the_original)
{
    thrum_future *future = NULL;
    int calls_made = 0;

    (void)unused;
    callback_ends = ends_of_pipe();
    CHECK_INT(write(callback_ends.there, "hello", 5), 5);
    CHECK_INT(thrum_spawn(nothing, NULL, 0, &future), 0);
    CHECK_INT(
        thrum_future_add_done_callback(future, read_in_callback, &calls_made),
        0);
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    CHECK_INT(thrum_future_quiesce(future, THRUM_FOREVER), 0);
    CHECK_INT(calls_made, 1);
    thrum_future_unref(future);
    ends_close(&callback_ends);
    return NULL;
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("ended", argc, argv);
}
