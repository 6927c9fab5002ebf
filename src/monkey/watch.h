/* SPDX-License-Identifier: MIT */
/*
 * monkey/watch.h - who blocks all the same.
 */
#ifndef THRUMI_MONKEY_WATCH_H
#define THRUMI_MONKEY_WATCH_H

/* Begins to watch if the environment says so, and nobody does yet. */
void thrumi_monkey_watch(void);

#endif /* THRUMI_MONKEY_WATCH_H */
