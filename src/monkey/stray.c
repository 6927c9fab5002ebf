/* SPDX-License-Identifier: MIT */
/*
 * monkey/stray.c - is it a system call that may wait?
 *
 * A table of those that wait for others, with the argument that says that they
 * shall not. Waiting for a disk is not looked at, as it has an end.
 */
#include "monkey/stray.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/look.h"

#define STRAY_NOWAIT      0x8 /* RWF_NOWAIT */
#define STRAY_EPOLL_WAIT2 441 /* that old headers have no names for */
#define STRAY_FUTEX_WAITV 449
#define STRAY_FUTEX_WAIT  455

enum stray_kind {
    STRAY_ALWAYS,
    STRAY_UNLESS,     /* one of these bits is set */
    STRAY_DESCRIPTOR, /* the first argument; and unless bits are set */
    STRAY_BYTES,      /* of the descriptor; how many */
    STRAY_TIMEOUT,    /* it is not 0 */
    STRAY_TIME,       /* there is none, or it is not 0 */
    STRAY_CONNECT,
    STRAY_LOCK,
    STRAY_SEMAPHORE,
    STRAY_FUTEX,
};

static const struct {
    short number;
    unsigned char kind;
    unsigned char arg;
    int bits;
} stray_calls[] = {
    {SYS_read, STRAY_BYTES, 2, 0},
    {SYS_write, STRAY_BYTES, 2, 0},
    {SYS_readv, STRAY_DESCRIPTOR, 0, 0},
    {SYS_writev, STRAY_DESCRIPTOR, 0, 0},
    {SYS_preadv2, STRAY_DESCRIPTOR, 5, STRAY_NOWAIT},
    {SYS_pwritev2, STRAY_DESCRIPTOR, 5, STRAY_NOWAIT},
    {SYS_recvfrom, STRAY_DESCRIPTOR, 3, MSG_DONTWAIT},
    {SYS_recvmsg, STRAY_DESCRIPTOR, 2, MSG_DONTWAIT},
    {SYS_recvmmsg, STRAY_DESCRIPTOR, 3, MSG_DONTWAIT},
    {SYS_sendto, STRAY_DESCRIPTOR, 3, MSG_DONTWAIT},
    {SYS_sendmsg, STRAY_DESCRIPTOR, 2, MSG_DONTWAIT},
    {SYS_sendmmsg, STRAY_DESCRIPTOR, 3, MSG_DONTWAIT},
    {SYS_sendfile, STRAY_DESCRIPTOR, 0, 0},
    {SYS_accept, STRAY_DESCRIPTOR, 0, 0},
    {SYS_accept4, STRAY_DESCRIPTOR, 0, 0},
    {SYS_mq_timedsend, STRAY_DESCRIPTOR, 0, 0},
    {SYS_mq_timedreceive, STRAY_DESCRIPTOR, 0, 0},
    {SYS_connect, STRAY_CONNECT, 0, 0},
    {SYS_ppoll, STRAY_TIME, 2, 0},
    {SYS_pselect6, STRAY_TIME, 4, 0},
    {SYS_epoll_pwait, STRAY_TIMEOUT, 3, 0},
    {STRAY_EPOLL_WAIT2, STRAY_TIME, 3, 0},
    {SYS_nanosleep, STRAY_TIME, 0, 0},
    {SYS_clock_nanosleep, STRAY_TIME, 2, 0},
    {SYS_rt_sigtimedwait, STRAY_TIME, 2, 0},
    {SYS_rt_sigsuspend, STRAY_ALWAYS, 0, 0},
    {SYS_wait4, STRAY_UNLESS, 2, WNOHANG},
    {SYS_waitid, STRAY_UNLESS, 3, WNOHANG},
    {SYS_flock, STRAY_UNLESS, 1, LOCK_NB | LOCK_UN},
    {SYS_fcntl, STRAY_LOCK, 1, 0},
    {SYS_semop, STRAY_SEMAPHORE, 2, 0},
    {SYS_semtimedop, STRAY_SEMAPHORE, 2, 0},
    {SYS_msgsnd, STRAY_UNLESS, 3, IPC_NOWAIT},
    {SYS_msgrcv, STRAY_UNLESS, 4, IPC_NOWAIT},
    {SYS_futex, STRAY_FUTEX, 1, 0},
    {STRAY_FUTEX_WAITV, STRAY_TIME, 3, 0},
    {STRAY_FUTEX_WAIT, STRAY_TIME, 4, 0},
    {SYS_io_uring_enter, STRAY_TIMEOUT, 2, 0}, /* how many are waited for */
#ifdef SYS_poll /* not there where the newer ones always were */
    {SYS_poll, STRAY_TIMEOUT, 2, 0},
    {SYS_select, STRAY_TIME, 4, 0},
    {SYS_epoll_wait, STRAY_TIMEOUT, 3, 0},
    {SYS_pause, STRAY_ALWAYS, 0, 0},
#endif
};

/* ---- arguments ---- */

/* The major number of /dev/null and its like is 1. */
static bool stray_is_waited_for(const struct stat *of)
{
    mode_t type = of->st_mode & S_IFMT;

    return type == S_IFIFO || type == S_IFSOCK ||
           type == 0 || /* an eventfd and its like have no type */
           (type == S_IFCHR && major(of->st_rdev) != 1);
}

static bool stray_descriptor(long fd, bool message_queue)
{
    struct stat of;
    int flags = fcntl((int)fd, F_GETFL);

    return flags >= 0 && (flags & O_NONBLOCK) == 0 &&
           (message_queue ||
            (fstat((int)fd, &of) == 0 && stray_is_waited_for(&of)));
}

/* Datagrams have nobody to wait for. */
static bool stray_connect(long fd)
{
    int type = 0;
    socklen_t length = sizeof(type);

    return getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
           type != SOCK_DGRAM && stray_descriptor(fd, false);
}

/* A timespec or a timeval: two words, either way, unless it is an error. */
static bool stray_time(long address)
{
    long words[2];

    if (address == 0)
        return true;
    return thrumi_look_copy((uintptr_t)address, words, sizeof(words)) ==
               sizeof(words) &&
           words[0] >= 0 && words[1] >= 0 && words[1] < 1000000000 &&
           (words[0] | words[1]) != 0;
}

/* One that may wait is enough: which of them does is not to be known. */
static bool stray_semaphore(long address, long count)
{
    struct sembuf one;

    for (long i = 0; i < count; i++) {
        uintptr_t at = (uintptr_t)address + (uintptr_t)i * sizeof(one);

        if (thrumi_look_copy(at, &one, sizeof(one)) != sizeof(one))
            return false;
        if (one.sem_op <= 0 && (one.sem_flg & IPC_NOWAIT) == 0)
            return true;
    }
    return false;
}

static bool stray_futex(long operation)
{
    int command = (int)operation & FUTEX_CMD_MASK;

    return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET ||
           command == FUTEX_LOCK_PI || command == FUTEX_WAIT_REQUEUE_PI ||
           command == 13; /* FUTEX_LOCK_PI2 */
}

/* ---- calls ---- */

static bool stray_is_message_queue(long number)
{
    return number == SYS_mq_timedsend || number == SYS_mq_timedreceive;
}

static bool stray_ask(const struct thrumi_dispatched *call, size_t row)
{
    long arg = call->args[stray_calls[row].arg];
    int bits = stray_calls[row].bits;

    switch (stray_calls[row].kind) {
    case STRAY_UNLESS:
        return (arg & bits) == 0;
    case STRAY_DESCRIPTOR:
        return (arg & bits) == 0 &&
               stray_descriptor(call->args[0],
                                stray_is_message_queue(call->number));
    case STRAY_BYTES:
        return arg != 0 && stray_descriptor(call->args[0], false);
    case STRAY_TIMEOUT:
        return (int)arg != 0;
    case STRAY_TIME:
        return stray_time(arg);
    case STRAY_CONNECT:
        return stray_connect(arg);
    case STRAY_LOCK:
        return arg == F_SETLKW || arg == F_OFD_SETLKW;
    case STRAY_SEMAPHORE:
        return stray_semaphore(call->args[1], arg);
    case STRAY_FUTEX:
        return stray_futex(arg);
    default:
        return true;
    }
}

bool thrumi_stray_may_wait(const struct thrumi_dispatched *call)
{
    for (size_t i = 0; i < sizeof(stray_calls) / sizeof(stray_calls[0]); i++)
        if (stray_calls[i].number == call->number)
            return stray_ask(call, i);
    return false;
}

bool thrumi_stray_is_futex(const struct thrumi_dispatched *call)
{
    return call->number == SYS_futex;
}
