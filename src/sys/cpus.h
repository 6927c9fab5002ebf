/* SPDX-License-Identifier: MIT */
/*
 * sys/cpus.h - how many CPUs this process may use.
 */
#ifndef THRUMI_SYS_CPUS_H
#define THRUMI_SYS_CPUS_H

/* CPUs of the affinity mask, or fewer if the control groups' quota says so;
 * rounded up, 1 at least. `root` stands before /proc and /sys: "" for the
 * system's own, a directory for tests. */
int thrumi_cpus_usable(const char *root);

/* The quota alone: 0 if there is none. */
int thrumi_cpus_quota(const char *root);

#endif /* THRUMI_SYS_CPUS_H */
