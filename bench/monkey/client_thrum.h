/* SPDX-License-Identifier: MIT */
/*
 * monkey/client_thrum.h - what peer_thrum.c has where libcurl is.
 */
#ifndef BENCH_MONKEY_CLIENT_THRUM_H
#define BENCH_MONKEY_CLIENT_THRUM_H

/* n requests at once; libc is patched. NULL where libcurl is not. */
__attribute__((weak)) void client_curl(long n);

#endif /* BENCH_MONKEY_CLIENT_THRUM_H */
