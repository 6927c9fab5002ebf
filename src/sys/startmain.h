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

/* Runs the program of this process anew? Not if it is linked statically. */
bool thrumi_start_can(void);

#endif /* THRUMI_SYS_STARTMAIN_H */
