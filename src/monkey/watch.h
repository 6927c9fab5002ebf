/* SPDX-License-Identifier: MIT */
/*
 * monkey/watch.h - who blocks all the same.
 */
#ifndef THRUMI_MONKEY_WATCH_H
#define THRUMI_MONKEY_WATCH_H

#include <thrum/monitor.h>

/* Begins to watch if the environment says so, and nobody does yet. */
void thrumi_monkey_watch(void);

/* Tells of a place where a greenlet blocks, unless it has been told of. */
void thrumi_watch_tell(const thrum_hold *hold);

#endif /* THRUMI_MONKEY_WATCH_H */
