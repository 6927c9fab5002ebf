/* SPDX-License-Identifier: MIT */
/*
 * sys/uringfd.c - io_uring by its three system calls.
 *
 * The kernel maps two rings and the array of slots:
 *
 *     slots      [ call | call | ... ]         we write, between head and tail
 *     sq         head (kernel's) tail (ours)
 *     cq         head (ours) tail (kernel's) [ result | result | ... ]
 *
 * A ring is asked for with the best flags, and again with fewer when the kernel
 * does not know them: DEFER_TASKRUN lets results appear only inside of our own
 * enter, so the program's system calls see nothing of it. It is not mapped in
 * forked children. Its descriptor is moved up, out of the way of programs that
 * close all small ones, and registered, which saves a look-up per call.
 *
 * ThreadSanitizer does not see the kernel pass data from one thread's call to
 * another's: to it, all calls and results are ordered by one word.
 */
#include "sys/uringfd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/container.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/tools.h"
#include "sys/uringfd_abi.h"

#if defined(__SANITIZE_THREAD__)
# define URINGFD_TSAN 1
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define URINGFD_TSAN 1
# endif
#endif
#ifdef URINGFD_TSAN
# include <sanitizer/tsan_interface.h>
static char uringfd_order;
# define uringfd_released() __tsan_release(&uringfd_order)
# define uringfd_acquired() __tsan_acquire(&uringfd_order)
#else
# define uringfd_released() ((void)0)
# define uringfd_acquired() ((void)0)
#endif

#ifndef SYS_io_uring_setup
# define SYS_io_uring_setup    425
# define SYS_io_uring_enter    426
# define SYS_io_uring_register 427
#endif

#define URINGFD_SLOTS   512u
#define URINGFD_RESULTS 2048u
#define URINGFD_HIGH    1000
#define URINGFD_WORKERS 128u

static const unsigned uringfd_features =
    URING_FEAT_SINGLE_MMAP | URING_FEAT_NODROP | URING_FEAT_SUBMIT_STABLE |
    URING_FEAT_RW_CUR_POS | URING_FEAT_FAST_POLL | URING_FEAT_EXT_ARG |
    URING_FEAT_CQE_SKIP;

/* ---- setting up ---- */

static int uringfd_setup(struct io_uring_params *params, unsigned flags)
{
    long fd;

    memset(params, 0, sizeof(*params));
    params->flags =
        flags | URING_SETUP_CQSIZE | URING_SETUP_CLAMP | URING_SETUP_SUBMIT_ALL;
    params->cq_entries = URINGFD_RESULTS;
    if (thrumi_fault("io_uring_setup"))
        return -EPERM;
    if (thrumi_tools_valgrind())
        return -ENOSYS;
    if ((flags & URING_SETUP_NO_SQARRAY) && thrumi_fault("io_uring_6.6"))
        return -EINVAL;
    if ((flags & URING_SETUP_DEFER_TASKRUN) && thrumi_fault("io_uring_6.1"))
        return -EINVAL;
    fd = syscall(SYS_io_uring_setup, URINGFD_SLOTS, params);
    return fd < 0 ? -errno : (int)fd;
}

static int uringfd_setup_best(struct io_uring_params *params)
{
    const unsigned best = URING_SETUP_SINGLE_ISSUER |
                          URING_SETUP_DEFER_TASKRUN | URING_SETUP_TASKRUN_FLAG;
    const unsigned flags[] = {best | URING_SETUP_NO_SQARRAY, best,
                              URING_SETUP_COOP_TASKRUN |
                                  URING_SETUP_TASKRUN_FLAG};
    int fd = -EINVAL;

    for (int i = 0; i < 3 && fd == -EINVAL; i++)
        fd = uringfd_setup(params, flags[i]);
    if (fd < 0)
        return fd == -EINVAL ? -ENOSYS : fd;
    if ((params->features & uringfd_features) == uringfd_features)
        return fd;
    close(fd);
    return -ENOSYS;
}

static long uringfd_register(int fd, unsigned what, void *arg, unsigned count)
{
    return syscall(SYS_io_uring_register, fd, what, arg, count);
}

/* Does the kernel know all the calls that are made here? */
static int uringfd_probe(int fd)
{
    static const unsigned char wanted[] = {
        IORING_OP_READ,    IORING_OP_READV,    IORING_OP_WRITE,
        IORING_OP_WRITEV,  IORING_OP_RECV,     IORING_OP_RECVMSG,
        IORING_OP_SEND,    IORING_OP_SENDMSG,  IORING_OP_ACCEPT,
        IORING_OP_CONNECT, IORING_OP_OPENAT,   IORING_OP_STATX,
        IORING_OP_FSYNC,   IORING_OP_POLL_ADD, IORING_OP_ASYNC_CANCEL};
    const unsigned most = 64;
    struct io_uring_probe *probe =
        thrumi_alloc_zero(sizeof(*probe) + most * sizeof(probe->ops[0]));
    int rc = 0;

    if (probe == NULL)
        return -ENOMEM;
    if (thrumi_fault("io_uring_probe") ||
        uringfd_register(fd, URING_REGISTER_PROBE, probe, most) < 0)
        rc = -ENOSYS;
    for (size_t i = 0; rc == 0 && i < sizeof(wanted); i++)
        if (wanted[i] > probe->last_op ||
            !(probe->ops[wanted[i]].flags & IO_URING_OP_SUPPORTED))
            rc = -ENOSYS;
    thrumi_free(probe);
    return rc;
}

static void *uringfd_map(int fd, size_t size, uint64_t offset)
{
    void *memory;

    if (thrumi_fault("mmap"))
        return NULL;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                  fd, (off_t)offset);
    if (memory == MAP_FAILED)
        return NULL;
    if (madvise(memory, size, MADV_DONTFORK) == 0)
        return memory;
    munmap(memory, size);
    return NULL;
}

static atomic_uint *uringfd_word(struct thrumi_uring *ring, unsigned offset)
{
    return (atomic_uint *)(void *)((char *)ring->queues + offset);
}

static void uringfd_point(struct thrumi_uring *ring,
                          const struct io_uring_params *params)
{
    unsigned *array;

    ring->sq_head = uringfd_word(ring, params->sq_off.head);
    ring->sq_tail = uringfd_word(ring, params->sq_off.tail);
    ring->sq_flags = uringfd_word(ring, params->sq_off.flags);
    ring->sq_mask = params->sq_entries - 1;
    ring->cq_head = uringfd_word(ring, params->cq_off.head);
    ring->cq_tail = uringfd_word(ring, params->cq_off.tail);
    ring->cq_mask = params->cq_entries - 1;
    ring->results = (struct io_uring_cqe *)(void *)((char *)ring->queues +
                                                    params->cq_off.cqes);
    ring->taken = 0;
    if (params->flags & URING_SETUP_NO_SQARRAY)
        return;
    array = (unsigned *)(void *)((char *)ring->queues + params->sq_off.array);
    for (unsigned i = 0; i < params->sq_entries; i++)
        array[i] = i; /* slots are handed over in their order */
}

static int uringfd_map_all(struct thrumi_uring *ring, int fd,
                           const struct io_uring_params *params)
{
    size_t sq = params->sq_off.array + params->sq_entries * sizeof(unsigned);
    size_t cq =
        params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);

    ring->queues_size = sq > cq ? sq : cq;
    ring->slots_size = params->sq_entries * sizeof(struct io_uring_sqe);
    ring->queues = uringfd_map(fd, ring->queues_size, IORING_OFF_SQ_RING);
    if (ring->queues == NULL)
        return -ENOMEM;
    ring->slots = uringfd_map(fd, ring->slots_size, IORING_OFF_SQES);
    if (ring->slots == NULL) {
        munmap(ring->queues, ring->queues_size);
        return -ENOMEM;
    }
    uringfd_point(ring, params);
    return 0;
}

/* Where a program does not close it by the way, if the limit allows that. */
static int uringfd_move_up(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, URINGFD_HIGH);

    if (high < 0)
        return fd;
    close(fd);
    return high;
}

static void uringfd_register_itself(struct thrumi_uring *ring)
{
    struct uring_update update = {UINT32_MAX, 0, (uint64_t)ring->fd};

    ring->enter_fd = ring->fd;
    ring->enter_flags = 0;
    if (thrumi_fault("io_uring_register_itself") ||
        uringfd_register(ring->fd, URING_REGISTER_RING_FDS, &update, 1) != 1)
        return;
    ring->enter_fd = (int)update.offset;
    ring->enter_flags = URING_ENTER_REGISTERED;
}

/* Threads of the kernel that may sit in calls without an end, as opens of FIFOs:
 * as many as it takes would be as many as the user may have. Those that wait for
 * disks are bounded anyway. */
static void uringfd_bound_workers(int fd)
{
    unsigned most[2] = {0, URINGFD_WORKERS}; /* 0: as it is */

    (void)uringfd_register(fd, URING_REGISTER_WORKERS, most, 2);
}

int thrumi_uring_open(struct thrumi_uring *ring)
{
    struct io_uring_params params;
    int fd = uringfd_setup_best(&params);
    int rc;

    if (fd < 0)
        return fd;
    fd = uringfd_move_up(fd);
    rc = uringfd_probe(fd);
    if (rc == 0)
        rc = uringfd_map_all(ring, fd, &params);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    ring->fd = fd;
    uringfd_bound_workers(fd);
    uringfd_register_itself(ring);
    return 0;
}

void thrumi_uring_close(struct thrumi_uring *ring, bool inherited)
{
    struct uring_update update = {(uint32_t)ring->enter_fd, 0, 0};

    if (!inherited) {
        if (ring->enter_flags != 0)
            uringfd_register(ring->fd, URING_UNREGISTER_RING_FDS, &update, 1);
        munmap(ring->slots, ring->slots_size);
        munmap(ring->queues, ring->queues_size);
    }
    close(ring->fd);
}

/* ---- calls and results ---- */

struct io_uring_sqe *thrumi_uring_slot(struct thrumi_uring *ring)
{
    struct io_uring_sqe *slot;
    /* acquire: the kernel has read the slots up to its head */
    unsigned head = atomic_load_explicit(ring->sq_head, memory_order_acquire);

    if (ring->taken - head > ring->sq_mask)
        return NULL;
    slot = &ring->slots[ring->taken & ring->sq_mask];
    memset(slot, 0, sizeof(*slot));
    ring->taken++;
    return slot;
}

/* How many calls the kernel has yet to take. */
static unsigned uringfd_left(const struct thrumi_uring *ring)
{
    return ring->taken -
           atomic_load_explicit(ring->sq_head, memory_order_acquire);
}

static bool uringfd_has_result(const struct thrumi_uring *ring)
{
    /* acquire: pairs with the kernel's release after it wrote the result */
    return atomic_load_explicit(ring->cq_head, memory_order_relaxed) !=
           atomic_load_explicit(ring->cq_tail, memory_order_acquire);
}

bool thrumi_uring_idle(const struct thrumi_uring *ring)
{
    unsigned flags = atomic_load_explicit(ring->sq_flags, memory_order_relaxed);

    return uringfd_left(ring) == 0 && !uringfd_has_result(ring) &&
           (flags & (URING_SQ_TASKRUN | URING_SQ_CQ_OVERFLOW)) == 0;
}

/* `span`: for how long to wait for a result, if it is more than 0. */
static long uringfd_enter(struct thrumi_uring *ring, int64_t span)
{
    struct uring_span timeout = {span / 1000000000, span % 1000000000};
    struct uring_wait arg = {0, 0, 0, (uint64_t)(uintptr_t)&timeout};
    unsigned flags = ring->enter_flags | URING_ENTER_GETEVENTS;
    bool timed = span > 0 && span != INT64_MAX;

    if (thrumi_fault("io_uring_enter")) {
        errno = EBUSY;
        return -1;
    }
    return syscall(SYS_io_uring_enter, ring->enter_fd, uringfd_left(ring),
                   span > 0, timed ? flags | URING_ENTER_EXT_ARG : flags,
                   timed ? &arg : NULL, timed ? sizeof(arg) : 0);
}

int thrumi_uring_enter(struct thrumi_uring *ring, bool wait,
                       thrum_time deadline)
{
    int64_t span = 0;

    if (wait && deadline.ns > 0 && !uringfd_has_result(ring))
        span = deadline.ns == INT64_MAX ? INT64_MAX
                                        : deadline.ns - thrumi_clock_ns();
    uringfd_released();
    /* release: pairs with the kernel's acquire before it reads the slots */
    atomic_store_explicit(ring->sq_tail, ring->taken, memory_order_release);
    if (uringfd_enter(ring, span) >= 0)
        return 0;
    return errno == ETIME ? 0 : -errno;
}

bool thrumi_uring_next(struct thrumi_uring *ring,
                       struct thrumi_uring_result *result)
{
    unsigned head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
    const struct io_uring_cqe *found = &ring->results[head & ring->cq_mask];

    if (!uringfd_has_result(ring))
        return false;
    result->data = found->user_data;
    result->result = found->res;
    result->more = (found->flags & URING_CQE_MORE) != 0;
    uringfd_acquired();
    /* release: pairs with the kernel's acquire before it writes there again */
    atomic_store_explicit(ring->cq_head, head + 1, memory_order_release);
    return true;
}
