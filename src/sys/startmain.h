/* SPDX-License-Identifier: MIT */
/*
 * sys/startmain.h - having a program run something else than its main.
 */
#ifndef THRUMI_SYS_STARTMAIN_H
#define THRUMI_SYS_STARTMAIN_H

#include <stdbool.h>

/* To be called by a constructor of a shared object that comes with the program:
 * all other constructors run, and then `fn` in the place of main. False where
 * that cannot be arranged. */
bool thrumi_start_instead(int (*fn)(void));

/* Could that be arranged, if the program of this process were run anew? */
bool thrumi_start_can(void);
/* Would the program then have other rights than its caller, so that it does not
 * listen to the environment? */
bool thrumi_start_is_secure(void);

#endif /* THRUMI_SYS_STARTMAIN_H */
