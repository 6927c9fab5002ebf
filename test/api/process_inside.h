/* SPDX-License-Identifier: MIT */
/*
 * process_inside.h - a library that has a process pool inside.
 */
#ifndef PROCESS_INSIDE_H
#define PROCESS_INSIDE_H

/* n times n, computed in a worker; or a code. `other`: the function to be called
 * instead of the library's own. */
int inside_square(int n, void *(*other)(void *));

#endif /* PROCESS_INSIDE_H */
