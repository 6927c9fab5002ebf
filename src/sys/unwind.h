/* SPDX-License-Identifier: MIT */
/*
 * sys/unwind.h - where this thread is, in addresses and in words.
 */
#ifndef THRUMI_SYS_UNWIND_H
#define THRUMI_SYS_UNWIND_H

#include <stddef.h>

/* Return addresses of the frames, the innermost first; how many. */
int thrumi_unwind(void **frames, int max);
/* Loads what the above needs, so that a signal handler may use it later. */
void thrumi_unwind_prepare(void);

/* Writes "function+0x12 (file)" or what is known of it. Never more than
 * `size`; no allocation. */
void thrumi_unwind_name(const void *frame, char *text, size_t size);
/* The same of a place that is no return address. */
void thrumi_unwind_name_place(const void *place, char *text, size_t size);

#endif /* THRUMI_SYS_UNWIND_H */
