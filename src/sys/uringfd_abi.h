/* SPDX-License-Identifier: MIT */
/*
 * sys/uringfd_abi.h - what the kernel's header may be too old to have.
 *
 * Numbers of the kernel's interface, under names of our own, so that a library
 * that was built with old headers still uses a new kernel.
 */
#ifndef THRUMI_SYS_URINGFD_ABI_H
#define THRUMI_SYS_URINGFD_ABI_H

#include <linux/io_uring.h>

enum {
    URING_SETUP_CQSIZE = 1 << 3,
    URING_SETUP_CLAMP = 1 << 4,
    URING_SETUP_SUBMIT_ALL = 1 << 7,     /* 5.18 */
    URING_SETUP_COOP_TASKRUN = 1 << 8,   /* 5.19 */
    URING_SETUP_TASKRUN_FLAG = 1 << 9,   /* 5.19 */
    URING_SETUP_SINGLE_ISSUER = 1 << 12, /* 6.0 */
    URING_SETUP_DEFER_TASKRUN = 1 << 13, /* 6.1 */
    URING_SETUP_NO_SQARRAY = 1 << 16,    /* 6.6 */

    URING_FEAT_SINGLE_MMAP = 1 << 0,
    URING_FEAT_NODROP = 1 << 1,
    URING_FEAT_SUBMIT_STABLE = 1 << 2,
    URING_FEAT_RW_CUR_POS = 1 << 3,
    URING_FEAT_FAST_POLL = 1 << 5,
    URING_FEAT_EXT_ARG = 1 << 8,
    URING_FEAT_CQE_SKIP = 1 << 11,

    URING_SQ_CQ_OVERFLOW = 1 << 1,
    URING_SQ_TASKRUN = 1 << 2,

    URING_ENTER_GETEVENTS = 1 << 0,
    URING_ENTER_EXT_ARG = 1 << 3,
    URING_ENTER_REGISTERED = 1 << 4,

    URING_REGISTER_PROBE = 8,
    URING_REGISTER_WORKERS = 19, /* 5.15 */
    URING_REGISTER_RING_FDS = 20,
    URING_UNREGISTER_RING_FDS = 21,

    URING_CQE_SKIP_SUCCESS = 1 << 6,
    URING_CQE_MORE = 1 << 1,
    URING_POLL_MULTI = 1 << 0,
};

/* struct io_uring_getevents_arg, of 5.11. */
struct uring_wait {
    uint64_t signals;
    uint32_t signals_size;
    uint32_t pad;
    uint64_t timeout; /* a pointer to struct uring_span */
};

struct uring_span {
    int64_t seconds;
    int64_t nanoseconds;
};

/* struct io_uring_rsrc_update, of 5.12. */
struct uring_update {
    uint32_t offset;
    uint32_t reserved;
    uint64_t data;
};

#endif /* THRUMI_SYS_URINGFD_ABI_H */
