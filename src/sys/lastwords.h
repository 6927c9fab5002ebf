/* SPDX-License-Identifier: MIT */
/*
 * sys/lastwords.h - where a process was when it crashed, written down in memory
 * that outlives it.
 */
#ifndef THRUMI_SYS_LASTWORDS_H
#define THRUMI_SYS_LASTWORDS_H

#include <stdatomic.h>
#include <stddef.h>

/* In a process of ours: signals that come from a crash write a backtrace to
 * `text`, its length to `*length` when it is complete, and kill as always. For
 * the calling thread also when its stack is full. */
void thrumi_last_words_install(char *text, size_t size, atomic_uint *length);

#endif /* THRUMI_SYS_LASTWORDS_H */
