/* SPDX-License-Identifier: MIT */
/*
 * test/unit/engine_test.c - every call on every kind of descriptor, made at
 * once and after a wait, on each engine: the same results, and O_NONBLOCK of no
 * description is touched.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include <thrum.h>

#include "engines.h"

/* Descriptors that a test uses; what happens while it waits. */
static struct {
    int in;  /* what the call reads */
    int out; /* its other end */
    bool done;
    char buffer[1 << 16];
} scene;

static void scene_open(int in, int out)
{
    assert_true(in >= 0 && out >= 0);
    scene.in = in;
    scene.out = out;
    scene.done = false;
    memset(scene.buffer, 0, sizeof(scene.buffer));
}

static void scene_close(void)
{
    close(scene.in);
    if (scene.out != scene.in)
        close(scene.out);
}

static void open_pipe(void)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    scene_open(ends[0], ends[1]);
}

static void open_pair(void)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
    scene_open(ends[0], ends[1]);
}

static void open_datagrams(void)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends),
                     0);
    scene_open(ends[0], ends[1]);
}

static void open_eventfd(void)
{
    int fd = eventfd(0, EFD_CLOEXEC);

    scene_open(fd, dup(fd));
}

/* A tty in raw mode and what is behind it. */
static void open_tty(void)
{
    struct termios raw;
    int back = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    int front;

    assert_int_equal(grantpt(back), 0);
    assert_int_equal(unlockpt(back), 0);
    front = open(ptsname(back), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_int_equal(tcgetattr(front, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(front, TCSANOW, &raw), 0);
    scene_open(front, back);
}

static void open_fifo(void)
{
    char path[] = "/tmp/thrum-fifo-XXXXXX";
    int fd;

    assert_non_null(mkdtemp(path));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    fd = open(path, O_RDWR | O_CLOEXEC);
    scene_open(fd, open(path, O_RDWR | O_CLOEXEC));
    unlink(path);
}

/* A TCP socket that listens, and its address. */
static int listen_here(struct sockaddr_in *here)
{
    socklen_t length = sizeof(*here);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *here = (struct sockaddr_in){.sin_family = AF_INET};
    here->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)here, length), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)here, &length), 0);
    return fd;
}

static void open_tcp(void)
{
    struct sockaddr_in here;
    int listener = listen_here(&here);
    int in = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(in, (struct sockaddr *)&here, sizeof(here)), 0);
    scene_open(in, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
    close(listener);
}

static void set_nonblocking(int fd)
{
    assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

/* ---- engines ---- */

static const struct thrumi_engine_ops *const engines[] = {&thrumi_engine_epoll,
                                                          &thrumi_engine_uring};

static bool engine_there(const struct thrumi_engine_ops *ops)
{
    struct thrumi_engine *engine;

    if (ops->open(&engine) != 0)
        return false;
    ops->close(engine);
    return true;
}

/* What follows, once on each engine there is. */
#define ON_EACH_ENGINE(rig)                                   \
 for (unsigned e_ = 0; e_ < 2 && engine_there(engines[e_]) && \
                       (rig_open(&(rig), engines[e_]), true); \
      rig_close(&(rig)), e_++)

/* ---- choice ---- */

static const char *engine_for(const char *loop)
{
    struct thrumi_engine *engine = NULL;
    const char *name;
    int rc;

    if (loop != NULL)
        setenv("THRUM_LOOP", loop, 1);
    else
        unsetenv("THRUM_LOOP");
    rc = thrumi_engine_open(&engine);
    unsetenv("THRUM_LOOP");
    if (rc != 0)
        return thrum_strerror(rc);
    name = engine->ops->name;
    engine->ops->close(engine);
    return name;
}

static bool fail_call(const char *call, void *arg)
{
    return strcmp(call, arg) == 0;
}

TEST(the_environment_says_which_engine)
{
    static char call[] = "io_uring_setup";
    bool uring = engine_there(&thrumi_engine_uring);

    assert_string_equal(engine_for("epoll"), "epoll");
    assert_string_equal(engine_for(NULL), uring ? "uring" : "epoll");
    assert_string_equal(engine_for(""), uring ? "uring" : "epoll");
    assert_string_equal(engine_for("kqueue"), thrum_strerror(-EINVAL));
    thrumi_fault_set(fail_call, call);
    assert_string_equal(engine_for(NULL), "epoll");
    assert_string_equal(engine_for("uring"), thrum_strerror(-EPERM));
    thrumi_fault_set(NULL, NULL);
}

/* ---- reads ---- */

/* What there is to be read comes while the call waits. */
static void write_once(struct rig *rig)
{
    (void)rig;
    if (!scene.done)
        assert_int_equal(write(scene.out, "12345678", 8), 8);
    scene.done = true;
}

static int64_t read_some(struct rig *rig, unsigned char op, size_t length)
{
    struct thrumi_io io = {
        .op = op, .fd = scene.in, .into = scene.buffer, .length = length};

    return rig_run(rig, &io, THRUM_FOREVER);
}

static int64_t read_vector(struct rig *rig)
{
    const struct iovec vector[2] = {{scene.buffer, 4}, {scene.buffer + 4, 96}};
    struct thrumi_io io = {
        .op = THRUMI_IO_READV, .fd = scene.in, .vector = vector, .length = 2};

    return rig_run(rig, &io, THRUM_FOREVER);
}

static void check_reads(struct rig *rig)
{
    rig->meanwhile = write_once;
    for (int i = 0; i < 5; i++) { /* the engine gets to know it on the way */
        scene.done = false;
        assert_int_equal(read_some(rig, THRUMI_IO_READ, 100), 8);
        assert_memory_equal(scene.buffer, "12345678", 8);
        memset(scene.buffer, 0, 8);
    }
    scene.done = false;
    assert_int_equal(read_vector(rig), 8);
    assert_memory_equal(scene.buffer, "12345678", 8);
    assert_true(rig->parks > 0);
    assert_int_equal(read_some(rig, THRUMI_IO_READ, 0), 0);
}

TEST(read_waits_on_whatever_there_is)
{
    void (*const scenes[])(void) = {open_pipe,   open_pair, open_datagrams,
                                    open_tty,    open_fifo, open_tcp,
                                    open_eventfd};
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (unsigned i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        int flags;

        scenes[i]();
        flags = fcntl(scene.in, F_GETFL);
        check_reads(&rig);
        assert_int_equal(fcntl(scene.in, F_GETFL), flags);
        rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
        scene_close();
    }
}

TEST(read_waits_on_what_does_not_block)
{
    void (*const scenes[])(void) = {open_pipe, open_pair, open_tty, open_fifo,
                                    open_tcp};
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (unsigned i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        scenes[i]();
        set_nonblocking(scene.in);
        check_reads(&rig);
        rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
        scene_close();
    }
}

/* Kernels that do not know RWF_NOWAIT for pipes. */
TEST(read_waits_without_RWF_NOWAIT)
{
    static char call[] = "rwf_nowait";
    struct rig rig;

    ON_EACH_ENGINE(rig)
    {
        open_pipe();
        thrumi_fault_set(fail_call, call);
        check_reads(&rig);
        thrumi_fault_set(NULL, NULL);
        rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
        scene_close();
    }
}

/* A number that was a pipe, a socket, a file is another now, and nobody has
 * said so. */
TEST(a_guess_that_is_wrong_does_no_harm)
{
    void (*const scenes[])(void) = {open_pair, open_pipe, open_tty,
                                    open_tcp,  open_fifo, open_pair};
    struct rig rig;

    ON_EACH_ENGINE(rig)
    {
        int number = fcntl(0, F_DUPFD_CLOEXEC, 500);

        for (unsigned i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
            scenes[i]();
            assert_int_equal(dup3(scene.in, number, O_CLOEXEC), number);
            close(scene.in);
            scene.in = number;
            rig.meanwhile = NULL;
            for (int j = 0; j < 4; j++) {
                assert_int_equal(write(scene.out, "12345678", 8), 8);
                assert_int_equal(read_some(&rig, THRUMI_IO_READ, 100), 8);
            }
            close(scene.out);
        }
        close(number);
    }
}

TEST(the_end_is_a_count_of_none)
{
    void (*const scenes[])(void) = {open_pipe, open_pair, open_tcp};
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (int i = 0; i < 3; i++) {
        scenes[i]();
        close(scene.out);
        scene.out = scene.in;
        assert_int_equal(read_some(&rig, THRUMI_IO_READ, 100), 0);
        rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
        scene_close();
    }
}

/* ---- writes ---- */

static void drain_once(struct rig *rig)
{
    struct pollfd one = {scene.in, POLLIN, 0};

    (void)rig;
    while (!scene.done && poll(&one, 1, 0) == 1)
        assert_true(read(scene.in, scene.buffer, sizeof(scene.buffer)) > 0);
    scene.done = true;
}

static int64_t write_some(struct rig *rig, unsigned char op, size_t length)
{
    struct thrumi_io io = {
        .op = op, .fd = scene.out, .from = scene.buffer, .length = length};

    return rig_run(rig, &io, THRUM_FOREVER);
}

/* Writes until a write has had to wait. */
static void check_writes(struct rig *rig, unsigned char op)
{
    rig->parks = 0;
    rig->meanwhile = drain_once;
    scene.done = false;
    for (int i = 0; i < 100000 && !scene.done; i++)
        assert_true(write_some(rig, op, 4096) > 0);
    assert_true(scene.done);
    assert_true(rig->parks > 0);
}

TEST(write_waits_for_room)
{
    void (*const scenes[])(void) = {open_pipe, open_pair, open_fifo, open_tcp,
                                    open_tty};
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (unsigned i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        int flags;

        scenes[i]();
        flags = fcntl(scene.out, F_GETFL);
        check_writes(&rig, THRUMI_IO_WRITE);
        assert_int_equal(fcntl(scene.out, F_GETFL), flags);
        rig.engine->ops->forget(rig.engine, scene.out, -EBADF);
        scene_close();
    }
}

TEST(send_waits_for_room)
{
    void (*const scenes[])(void) = {open_pair, open_tcp};
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (unsigned i = 0; i < 2; i++) {
        scenes[i]();
        check_writes(&rig, THRUMI_IO_SEND);
        rig.engine->ops->forget(rig.engine, scene.out, -EBADF);
        scene_close();
    }
}

static void check_broken(struct rig *rig)
{
    const struct iovec vector = {scene.buffer, 8};
    struct thrumi_io io = {.op = THRUMI_IO_WRITEV, .fd = scene.out};

    io.vector = &vector;
    io.length = 1;
    close(scene.in);
    scene.in = scene.out;
    assert_int_equal(write_some(rig, THRUMI_IO_WRITE, 8), -EPIPE);
    assert_int_equal(rig_run(rig, &io, THRUM_FOREVER), -EPIPE);
}

/* The default action of SIGPIPE would end the program. */
TEST(a_write_that_nobody_reads_raises_no_signal)
{
    static char old_kernel[] = "rwf_nowait";
    void (*const scenes[])(void) = {open_pipe, open_pair, open_pipe};
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (int i = 0; i < 3; i++) {
        scenes[i]();
        if (i == 2)
            thrumi_fault_set(fail_call, old_kernel);
        check_broken(&rig);
        thrumi_fault_set(NULL, NULL);
        rig.engine->ops->forget(rig.engine, scene.out, -EBADF);
        scene_close();
    }
}

static volatile sig_atomic_t pipes_broken;

static void on_pipe(int number)
{
    (void)number;
    pipes_broken++;
}

TEST(a_write_raises_SIGPIPE_if_asked_to)
{
    struct sigaction act = {.sa_handler = on_pipe};
    struct sigaction before;
    void (*const scenes[])(void) = {open_pipe, open_pair};
    struct rig rig;

    sigaction(SIGPIPE, &act, &before);
    ON_EACH_ENGINE(rig)
    for (int i = 0; i < 2; i++) {
        struct thrumi_io io = {.op = THRUMI_IO_WRITE, .sigpipe = true};

        scenes[i]();
        close(scene.in);
        scene.in = scene.out;
        pipes_broken = 0;
        io.fd = scene.out;
        io.from = scene.buffer;
        io.length = 8;
        assert_int_equal(rig_run(&rig, &io, THRUM_FOREVER), -EPIPE);
        assert_int_equal(pipes_broken, 1);
        rig.engine->ops->forget(rig.engine, scene.out, -EBADF);
        scene_close();
    }
    sigaction(SIGPIPE, &before, NULL);
}

/* ---- messages ---- */

static void open_udp(struct sockaddr_in *address)
{
    socklen_t length = sizeof(*address);
    int in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    *address = (struct sockaddr_in){.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(in, (struct sockaddr *)address, length), 0);
    getsockname(in, (struct sockaddr *)address, &length);
    scene_open(in, socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static void udp_once(struct rig *rig)
{
    struct sockaddr_in to;
    socklen_t length = sizeof(to);
    struct thrumi_io io = {.op = THRUMI_IO_SENDTO, .fd = scene.out};

    if (scene.done)
        return;
    scene.done = true;
    getsockname(scene.in, (struct sockaddr *)&to, &length);
    io.from = "12345678";
    io.length = 8;
    io.to = (struct sockaddr *)&to;
    io.to_length = length;
    assert_int_equal(rig_run(rig, &io, THRUM_FOREVER), 8);
}

TEST(datagrams_tell_where_they_come_from)
{
    struct sockaddr_in here;
    struct rig rig;

    ON_EACH_ENGINE(rig)
    {
        struct sockaddr_in from = {0};
        unsigned length = sizeof(from);
        struct thrumi_io io = {.op = THRUMI_IO_RECVFROM};

        open_udp(&here);
        rig.meanwhile = udp_once;
        io.fd = scene.in;
        io.into = scene.buffer;
        io.length = 100;
        io.address = (struct sockaddr *)&from;
        io.address_length = &length;
        assert_int_equal(rig_run(&rig, &io, THRUM_FOREVER), 8);
        assert_int_equal(from.sin_family, AF_INET);
        assert_int_equal(length, sizeof(from));
        assert_true(from.sin_port != 0);
        rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
        rig.engine->ops->forget(rig.engine, scene.out, -EBADF);
        scene_close();
    }
}

TEST(messages_go_both_ways)
{
    struct rig rig;

    ON_EACH_ENGINE(rig)
    {
        char text[] = "12345678";
        struct iovec out = {text, 8};
        struct iovec in = {scene.buffer, 100};
        struct msghdr message = {.msg_iov = &out, .msg_iovlen = 1};
        struct thrumi_io io = {.op = THRUMI_IO_SENDMSG};

        open_pair();
        io.fd = scene.out;
        io.sent = &message;
        assert_int_equal(rig_run(&rig, &io, THRUM_FOREVER), 8);
        message.msg_iov = &in;
        io.op = THRUMI_IO_RECVMSG;
        io.fd = scene.in;
        io.message = &message;
        assert_int_equal(rig_run(&rig, &io, THRUM_FOREVER), 8);
        assert_memory_equal(scene.buffer, text, 8);
        rig.meanwhile = write_once;
        assert_int_equal(rig_run(&rig, &io, THRUM_FOREVER), 8);
        rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
        scene_close();
    }
}

/* ---- connections ---- */

static void connect_once(struct rig *rig)
{
    struct sockaddr_in here;
    socklen_t length = sizeof(here);

    (void)rig;
    if (scene.done)
        return;
    scene.done = true;
    getsockname(scene.in, (struct sockaddr *)&here, &length);
    scene.out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(scene.out, (struct sockaddr *)&here, length), 0);
}

TEST(accept_waits_for_a_connection)
{
    struct sockaddr_in here;
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in from = {0};
        unsigned length = sizeof(from);
        struct thrumi_io io = {.op = THRUMI_IO_ACCEPT, .flags = SOCK_CLOEXEC};
        int64_t fd;
        int flags;

        scene_open(listen_here(&here), 0);
        if (i == 1)
            set_nonblocking(scene.in);
        flags = fcntl(scene.in, F_GETFL);
        rig.meanwhile = connect_once;
        io.fd = scene.in;
        io.address = (struct sockaddr *)&from;
        io.address_length = &length;
        fd = rig_run(&rig, &io, THRUM_FOREVER);
        assert_true(fd >= 0);
        assert_int_equal(from.sin_family, AF_INET);
        assert_int_equal(fcntl(scene.in, F_GETFL), flags);
        assert_int_equal(fcntl((int)fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(close((int)fd), 0);
        rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
        scene_close();
    }
}

static int64_t connect_to(struct rig *rig, int fd,
                          const struct sockaddr_in *there)
{
    struct thrumi_io io = {.op = THRUMI_IO_CONNECT, .fd = fd};

    io.to = (const struct sockaddr *)there;
    io.to_length = sizeof(*there);
    return rig_run(rig, &io, THRUM_FOREVER);
}

TEST(connect_succeeds_or_says_why_not)
{
    struct sockaddr_in here;
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (int i = 0; i < 2; i++) {
        int listener = listen_here(&here);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int flags;

        if (i == 1)
            set_nonblocking(fd);
        flags = fcntl(fd, F_GETFL);
        assert_int_equal(connect_to(&rig, fd, &here), 0);
        assert_int_equal(fcntl(fd, F_GETFL), flags);
        assert_int_equal(send(fd, "data", 4, 0), 4);
        close(listener);
        rig.engine->ops->forget(rig.engine, fd, -EBADF);
        close(fd);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect_to(&rig, fd, &here), -ECONNREFUSED);
        rig.engine->ops->forget(rig.engine, fd, -EBADF);
        close(fd);
    }
}

/* ---- poll ---- */

static int64_t poll_for(struct rig *rig, int fd, unsigned events,
                        thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_POLL, .fd = fd, .flags = events};

    return rig_run(rig, &io, deadline);
}

TEST(poll_tells_what_has_come)
{
    struct rig rig;

    ON_EACH_ENGINE(rig)
    {
        open_pair();
        assert_int_equal(poll_for(&rig, scene.in, POLLIN, THRUM_NOW),
                         -ETIMEDOUT);
        assert_int_equal(poll_for(&rig, scene.in, POLLOUT, THRUM_NOW), POLLOUT);
        assert_int_equal(
            poll_for(&rig, scene.in, POLLIN | POLLOUT, THRUM_FOREVER), POLLOUT);
        rig.meanwhile = write_once;
        assert_int_equal(poll_for(&rig, scene.in, POLLIN, THRUM_FOREVER),
                         POLLIN);
        assert_true(poll_for(&rig, -1, POLLIN, THRUM_NOW) == -EBADF);
        rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
        scene_close();
    }
}

/* ---- files ---- */

static int open_file(const char *folder)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "%s/thrum-file-XXXXXX", folder);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

/* As a hub makes it: by another thread if it blocks. */
static int64_t run_file(struct rig *rig, struct thrumi_io *io)
{
    int64_t result = rig_run(rig, io, THRUM_FOREVER);

    return result == THRUMI_IO_BLOCKS ? thrumi_io_block(io) : result;
}

static void check_file(struct rig *rig, int fd)
{
    struct thrumi_io out = {.op = THRUMI_IO_PWRITE, .fd = fd, .length = 8};
    struct thrumi_io in = {.op = THRUMI_IO_PREAD, .fd = fd, .length = 100};
    struct thrumi_io sync = {.op = THRUMI_IO_FSYNC, .fd = fd};

    out.from = "12345678";
    out.offset = 8;
    in.into = scene.buffer;
    in.offset = 10;
    assert_int_equal(run_file(rig, &out), 8);
    assert_int_equal(run_file(rig, &sync), 0);
    assert_int_equal(run_file(rig, &in), 6);
    assert_memory_equal(scene.buffer, "345678", 6);
    out.op = THRUMI_IO_WRITE; /* at 0 */
    assert_int_equal(run_file(rig, &out), 8);
    in.op = THRUMI_IO_READ; /* at 8 */
    assert_int_equal(run_file(rig, &in), 8);
    assert_memory_equal(scene.buffer, "12345678", 8);
    assert_int_equal(run_file(rig, &in), 0);
}

TEST(files_are_read_and_written)
{
    const char *folders[] = {"/tmp", "/dev/shm", "/var/tmp"};
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (int i = 0; i < 3; i++) {
        int fd = open_file(folders[i]);

        if (fd < 0)
            continue;
        check_file(&rig, fd);
        rig.engine->ops->forget(rig.engine, fd, -EBADF);
        close(fd);
    }
}

TEST(files_are_opened_and_looked_at)
{
    struct rig rig;

    ON_EACH_ENGINE(rig)
    {
        struct statx status = {0};
        struct thrumi_io io = {
            .op = THRUMI_IO_OPENAT, .fd = AT_FDCWD, .flags = O_RDONLY};
        int64_t fd;

        io.path = "/proc/self/status";
        fd = run_file(&rig, &io);
        assert_true(fd >= 0);
        assert_int_equal(fcntl((int)fd, F_GETFD), FD_CLOEXEC);
        scene_open((int)fd, (int)fd);
        io.path = "/nowhere/at/all";
        assert_int_equal(run_file(&rig, &io), -ENOENT);
        assert_true(read_some(&rig, THRUMI_IO_READ, 100) > 0);
        io = (struct thrumi_io){.op = THRUMI_IO_STATX, .fd = (int)fd};
        io.path = "";
        io.flags = AT_EMPTY_PATH;
        io.mode = STATX_BASIC_STATS;
        io.statx = &status;
        assert_int_equal(run_file(&rig, &io), 0);
        assert_true(S_ISREG(status.stx_mode));
        rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
        scene_close();
    }
}

/* ---- copies ---- */

static void drain(struct rig *rig)
{
    ssize_t n;

    (void)rig;
    do
        n = recv(scene.in, scene.buffer, sizeof(scene.buffer), MSG_DONTWAIT);
    while (n > 0);
}

/* More than the socket has room for. */
static void check_sendfile(struct rig *rig, int file, int64_t *position)
{
    const size_t size = 1 << 20;
    struct thrumi_io io = {.op = THRUMI_IO_SENDFILE, .other = file};
    size_t sent = 0;

    io.fd = scene.out;
    io.position = position;
    rig->meanwhile = drain;
    while (sent < size) {
        int64_t n;

        io.length = size - sent;
        n = rig_run(rig, &io, THRUM_FOREVER);
        assert_true(n > 0);
        sent += (size_t)n;
    }
    assert_int_equal(rig_run(rig, &io, THRUM_FOREVER), 0);
}

TEST(sendfile_waits_for_room)
{
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (int i = 0; i < 3; i++) {
        int file = open_file("/dev/shm");
        int64_t position = 0;

        assert_int_equal(ftruncate(file, 1 << 20), 0);
        open_pair();
        if (i == 2)
            set_nonblocking(scene.out);
        check_sendfile(&rig, file, i == 0 ? NULL : &position);
        if (i > 0)
            assert_int_equal(position, 1 << 20);
        else
            assert_int_equal(lseek(file, 0, SEEK_CUR), 1 << 20);
        rig.engine->ops->forget(rig.engine, scene.out, -EBADF);
        scene_close();
        close(file);
    }
}

TEST(splice_waits_at_both_ends)
{
    struct rig rig;

    ON_EACH_ENGINE(rig)
    {
        struct thrumi_io io = {.op = THRUMI_IO_SPLICE, .length = 4096};
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        open_pair();
        rig.meanwhile = write_once;
        io.fd = ends[1];
        io.other = scene.in;
        assert_int_equal(rig_run(&rig, &io, THRUM_FOREVER), 8);
        io.fd = scene.in;
        io.other = ends[0];
        assert_int_equal(rig_run(&rig, &io, THRUM_FOREVER), 8);
        assert_int_equal(recv(scene.out, scene.buffer, 100, 0), 8);
        assert_int_equal(rig_run(&rig, &io, thrum_in_ms(1)), -ETIMEDOUT);
        rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
        rig.engine->ops->forget(rig.engine, ends[0], -EBADF);
        rig.engine->ops->forget(rig.engine, ends[1], -EBADF);
        scene_close();
        close(ends[0]);
        close(ends[1]);
    }
}

/* ---- what ends a wait ---- */

TEST(a_wait_ends_at_its_deadline)
{
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (int i = 0; i < 3; i++) {
        struct thrumi_io io = {.op = THRUMI_IO_READ, .length = 100};

        open_pair();
        io.fd = scene.in;
        io.into = scene.buffer;
        assert_int_equal(rig_run(&rig, &io, thrum_in_ms(i)), -ETIMEDOUT);
        assert_int_equal(rig_run(&rig, &io, THRUM_NOW), -ETIMEDOUT);
        assert_int_equal(write(scene.out, "12345678", 8), 8);
        assert_int_equal(rig_run(&rig, &io, THRUM_NOW), 8);
        io.nowait = true;
        assert_int_equal(rig_run(&rig, &io, THRUM_FOREVER), -EAGAIN);
        rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
        scene_close();
    }
}

static int cancel_it(struct rig *rig)
{
    (void)rig;
    return -ECANCELED;
}

/* What comes later is not taken by a call that is over. */
TEST(a_cancelled_call_takes_nothing)
{
    struct rig rig;

    ON_EACH_ENGINE(rig)
    {
        open_pair();
        rig.fails = cancel_it;
        assert_int_equal(read_some(&rig, THRUMI_IO_READ, 100), -ECANCELED);
        rig.fails = NULL;
        assert_int_equal(write(scene.out, "12345678", 8), 8);
        assert_int_equal(read_some(&rig, THRUMI_IO_READ, 100), 8);
        rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
        scene_close();
    }
}

/* The kernel has done the call when its caller is told to give up. */
static int cancel_late(struct rig *rig)
{
    if (!scene.done)
        return 0;
    rig->engine->ops->flush(rig->engine);
    return -ECANCELED;
}

TEST(a_call_that_was_done_before_its_cancel_is_done)
{
    struct rig rig;

    if (!engine_there(&thrumi_engine_uring))
        TEST_SKIP("no io_uring here");
    rig_open(&rig, &thrumi_engine_uring);
    open_pair();
    rig.meanwhile = write_once;
    rig.fails = cancel_late;
    assert_int_equal(read_some(&rig, THRUMI_IO_READ, 100), 8);
    rig.engine->ops->forget(rig.engine, scene.in, -EBADF);
    scene_close();
    rig_close(&rig);
}

static void forget_it(struct rig *rig)
{
    if (!scene.done)
        rig->engine->ops->forget(rig->engine, scene.in, -EBADF);
    scene.done = true;
}

/* The other end sees that it was closed: nothing holds it open. */
TEST(whoever_waits_on_what_is_closed_gets_EBADF)
{
    void (*const scenes[])(void) = {open_pair, open_pipe, open_tcp, open_tty};
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (int i = 0; i < 4; i++) {
        scenes[i]();
        rig.meanwhile = forget_it;
        assert_int_equal(read_some(&rig, THRUMI_IO_READ, 100), -EBADF);
        close(scene.in);
        if (i == 0 || i == 2)
            assert_int_equal(recv(scene.out, scene.buffer, 1, 0), 0);
        close(scene.out);
    }
}

TEST(an_interrupt_ends_a_turn_each_time)
{
    struct rig rig;

    ON_EACH_ENGINE(rig)
    {
        struct pollfd one = {rig.engine->ops->fd(rig.engine), POLLIN, 0};

        assert_int_equal(rig_turn(&rig, THRUM_NOW), 0);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(poll(&one, 1, 0), 0);
            rig.engine->ops->interrupt(rig.engine);
            assert_int_equal(poll(&one, 1, -1), 1);
            assert_int_equal(rig_turn(&rig, THRUM_FOREVER), 0);
        }
        assert_int_equal(rig_turn(&rig, thrum_in_ms(1)), 0);
    }
}

TEST(bad_descriptors_are_refused)
{
    struct rig rig;

    ON_EACH_ENGINE(rig)
    for (unsigned char op = 0; op < THRUMI_IO_OPS; op++) {
        struct thrumi_io io = {.op = op, .fd = -1, .other = -1};
        int64_t result;

        if (op == THRUMI_IO_OPENAT || op == THRUMI_IO_STATX ||
            op == THRUMI_IO_SENDMSG || op == THRUMI_IO_RECVMSG)
            continue; /* want more than a descriptor */
        io.fd = 9999;
        result = run_file(&rig, &io);
        assert_true(result == -EBADF || (result == 0 && io.length == 0));
    }
}

TEST_MAIN("engine")
