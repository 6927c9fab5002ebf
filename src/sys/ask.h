/* SPDX-License-Identifier: MIT */
/*
 * sys/ask.h - asking another thread where it is, by a signal.
 *
 * Only for programs that have given us a signal for it: nothing here is done
 * unasked.
 */
#ifndef THRUMI_SYS_ASK_H
#define THRUMI_SYS_ASK_H

#include <stdint.h>

#include <thrum/base.h>

/* Sets the handler of the signal, which stays for the rest of the process: one
 * that is on its way when nobody asks any more does no harm. 0; -EINVAL when it
 * is none that can be handled; -EBUSY when it has a handler already. */
int thrumi_ask_prepare(int signal);

/* The return addresses of the frames of a thread of this process, the innermost
 * first, where it was interrupted; how many. 0 when it did not answer until the
 * deadline: it may have blocked the signal. One asks at a time. */
int thrumi_ask_frames(int thread, int signal, thrum_time deadline,
                      void **frames, int max);

#endif /* THRUMI_SYS_ASK_H */
