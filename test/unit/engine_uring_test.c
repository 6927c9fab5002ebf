/* SPDX-License-Identifier: MIT */
/*
 * test/unit/engine_uring_test.c - what only the io_uring engine does: probing,
 * full queues, many calls in one turn.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thrum.h>

#include "engines.h"
#include "hub/fd.h"

static bool uring_there(void)
{
    struct thrumi_engine *engine;

    if (thrumi_engine_uring.open(&engine) != 0)
        return false;
    engine->ops->close(engine);
    return true;
}

static bool fail_call(const char *call, void *arg)
{
    return strcmp(call, arg) == 0;
}

static int open_failing(char *call)
{
    struct thrumi_engine *engine = NULL;
    int rc;

    thrumi_fault_set(fail_call, call);
    rc = thrumi_engine_uring.open(&engine);
    thrumi_fault_set(NULL, NULL);
    if (rc == 0)
        engine->ops->close(engine);
    return rc;
}

TEST(an_engine_that_cannot_be_had_says_why)
{
    static char calls[][16] = {"io_uring_setup", "io_uring_probe", "mmap",
                               "eventfd"};
    const int codes[] = {-EPERM, -ENOSYS, -ENOMEM, -EMFILE};

    if (!uring_there())
        TEST_SKIP("no io_uring here");
    for (int i = 0; i < 4; i++)
        assert_int_equal(open_failing(calls[i]), codes[i]);
}

TEST(an_engine_without_memory_is_not_made)
{
    struct thrumi_engine *engine = NULL;
    int rc = -1;

    if (!uring_there())
        TEST_SKIP("no io_uring here");
    FOR_EACH_FAILURE(n)
    {
        rc = thrumi_engine_uring.open(&engine);
        if (rc == 0)
            engine->ops->close(engine);
        else
            assert_int_equal(rc, -ENOMEM);
    }
    assert_int_equal(rc, 0);
}

/* ---- one call, with what older kernels have ---- */

static void post_once(struct rig *rig)
{
    uint64_t one = 1;

    if (rig->fd >= 0)
        assert_int_equal(write(rig->fd, &one, sizeof(one)), sizeof(one));
    rig->fd = -1;
}

static int64_t read_count(struct rig *rig, int fd)
{
    uint64_t count = 0;
    struct thrumi_io io = {.op = THRUMI_IO_READ, .fd = fd};

    io.into = &count;
    io.length = sizeof(count);
    return rig_run(rig, &io, THRUM_FOREVER);
}

TEST(older_kernels_serve_with_fewer_flags)
{
    static char calls[][32] = {"io_uring_6.6", "io_uring_6.1",
                               "io_uring_register_itself"};
    int fd = eventfd(0, EFD_CLOEXEC);
    struct rig rig;

    if (!uring_there()) {
        close(fd);
        TEST_SKIP("no io_uring here");
    }
    for (int i = 0; i < 3; i++) {
        thrumi_fault_set(fail_call, calls[i]);
        rig_open(&rig, &thrumi_engine_uring);
        thrumi_fault_set(NULL, NULL);
        rig.meanwhile = post_once;
        rig.fd = fd;
        assert_int_equal(read_count(&rig, fd), 8);
        rig_close(&rig);
    }
    close(fd);
}

/* Not where a program that closes the small ones would hit it. */
TEST(the_ring_lies_high)
{
    struct rlimit limit;
    struct rig rig;

    getrlimit(RLIMIT_NOFILE, &limit);
    if (!uring_there() || limit.rlim_cur <= 1000)
        TEST_SKIP("no io_uring here, or no room");
    rig_open(&rig, &thrumi_engine_uring);
    assert_true(rig.engine->ops->fd(rig.engine) >= 1000);
    rig_close(&rig);
}

/* ---- many calls ---- */

/* The kernel is told to refuse for a while. */
static int refusals;

static bool refuse_enter(const char *call, void *arg)
{
    (void)arg;
    return strcmp(call, "io_uring_enter") == 0 && refusals-- > 0;
}

TEST(a_kernel_that_is_busy_is_asked_again)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    struct rig rig;

    if (!uring_there()) {
        close(fd);
        TEST_SKIP("no io_uring here");
    }
    rig_open(&rig, &thrumi_engine_uring);
    refusals = 5;
    thrumi_fault_set(refuse_enter, NULL);
    rig.meanwhile = post_once;
    rig.fd = fd;
    assert_int_equal(read_count(&rig, fd), 8);
    thrumi_fault_set(NULL, NULL);
    assert_true(refusals <= 0);
    rig_close(&rig);
    close(fd);
}

/* Calls nest here: each is made while the one before waits, so that there are
 * more than the queues have room for. */
#define DEEP 3000

struct deep {
    struct rig rig;
    int fd;
    int depth;
    int done;
};

static int64_t deep_poll(struct rig *rig, int fd)
{
    struct thrumi_io io = {.op = THRUMI_IO_POLL, .fd = fd, .flags = POLLIN};

    return rig_run(rig, &io, THRUM_FOREVER);
}

static void deep_call(struct rig *rig)
{
    struct deep *deep = thrumi_container_of(rig, struct deep, rig);
    uint64_t one = 1;

    if (deep->depth == DEEP) {
        assert_int_equal(write(deep->fd, &one, sizeof(one)), sizeof(one));
        rig->meanwhile = NULL;
        return;
    }
    deep->depth++;
    deep->done += deep_poll(rig, deep->fd) == POLLIN;
}

TEST(more_calls_than_slots_are_all_made)
{
    struct deep deep = {.depth = 0};

    if (!uring_there() || TEST_ASAN || TEST_TSAN)
        TEST_SKIP("no io_uring here, or stacks that are too small");
    deep.fd = eventfd(0, EFD_CLOEXEC);
    rig_open(&deep.rig, &thrumi_engine_uring);
    deep.rig.meanwhile = deep_call;
    deep_call(&deep.rig);
    assert_int_equal(deep.done, DEEP);
    rig_close(&deep.rig);
    close(deep.fd);
}

/* All of them are taken back, though the queue cannot hold so many cancels. */
static void deep_forget(struct rig *rig)
{
    struct deep *deep = thrumi_container_of(rig, struct deep, rig);

    if (deep->depth == DEEP) {
        rig->meanwhile = NULL;
        rig->engine->ops->forget(rig->engine, deep->fd, -EBADF);
        return;
    }
    deep->depth++;
    deep->done += deep_poll(rig, deep->fd) == -EBADF;
}

TEST(all_that_wait_on_what_is_closed_get_EBADF)
{
    struct deep deep = {.depth = 0};

    if (!uring_there() || TEST_ASAN || TEST_TSAN)
        TEST_SKIP("no io_uring here, or stacks that are too small");
    deep.fd = eventfd(0, EFD_CLOEXEC);
    rig_open(&deep.rig, &thrumi_engine_uring);
    deep.rig.meanwhile = deep_forget;
    deep_forget(&deep.rig);
    assert_int_equal(deep.done, DEEP);
    rig_close(&deep.rig);
    close(deep.fd);
}

/* ---- a forked child ---- */

static int child(void *arg)
{
    struct rig *rig = arg;

    rig->engine->ops->forget(rig->engine, 0, -EBADF);
    rig->engine->ops->close(rig->engine);
    return 0;
}

TEST(a_child_leaves_the_ring_alone)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    struct rig rig;

    if (!uring_there()) {
        close(fd);
        TEST_SKIP("no io_uring here");
    }
    rig_open(&rig, &thrumi_engine_uring);
    assert_int_equal(in_child(child, &rig), 0);
    rig.meanwhile = post_once;
    rig.fd = fd;
    assert_int_equal(read_count(&rig, fd), 8);
    rig_close(&rig);
    close(fd);
}

TEST_MAIN("engine_uring")
