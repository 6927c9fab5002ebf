/* SPDX-License-Identifier: MIT */
/*
 * monkey/stray_watch.h - each call that blocks all the same.
 */
#ifndef THRUMI_MONKEY_STRAY_WATCH_H
#define THRUMI_MONKEY_STRAY_WATCH_H

/* Looks at this thread, and at each other one when a hook of ours is called in
 * it by a greenlet. NULL, or why not. */
const char *thrumi_stray_watch(void);
/* Nobody is looked at any more. */
void thrumi_stray_unwatch(void);

#endif /* THRUMI_MONKEY_STRAY_WATCH_H */
