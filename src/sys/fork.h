/* SPDX-License-Identifier: MIT */
/*
 * sys/fork.h - noticing that this is a forked child.
 *
 * A page that the kernel wipes in a child (MADV_WIPEONFORK) tells also after a
 * raw clone, which pthread_atfork does not.
 */
#ifndef THRUMI_SYS_FORK_H
#define THRUMI_SYS_FORK_H

#include <stdatomic.h>
#include <stdint.h>

/* Counts the forks between the first use of the library and this process, from
 * 1. What was made in another generation is inert here. */
uint16_t thrumi_fork_generation(void);

#endif /* THRUMI_SYS_FORK_H */
