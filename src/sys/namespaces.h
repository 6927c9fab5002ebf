/* SPDX-License-Identifier: MIT */
/*
 * sys/namespaces.h - objects that dlmopen() has loaded apart from all others.
 */
#ifndef THRUMI_SYS_NAMESPACES_H
#define THRUMI_SYS_NAMESPACES_H

/* Calls fn with the path of each object of other namespaces than the program's.
 * Nothing where the C library does not list them (glibc before 2.35). None
 * comes or goes meanwhile. */
void thrumi_namespaces_each(void (*fn)(const char *path, void *arg), void *arg);

#endif /* THRUMI_SYS_NAMESPACES_H */
