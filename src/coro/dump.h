/* SPDX-License-Identifier: MIT */
/*
 * coro/dump.h - what higher floors add to a dump.
 */
#ifndef THRUMI_CORO_DUMP_H
#define THRUMI_CORO_DUMP_H

/* Has `write` called at the end of each dump, nothing frozen: 0 or -errno. One
 * for the process. */
void thrumi_dump_add(int (*write)(int fd));

#endif /* THRUMI_CORO_DUMP_H */
