/* SPDX-License-Identifier: MIT */
/*
 * sys/confine.c - what a worker process may use up.
 *
 * The limit on the address space is the one that a runaway task meets first.
 * There is none on the size of files: the kernel would count a worker's writes
 * to the memory it shares with the pool.
 */
#include "sys/confine.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sys/fault.h"

static int confine_limit(int resource, uint64_t value)
{
    struct rlimit limit;

    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
        return -errno;
    if (limit.rlim_max != RLIM_INFINITY && value > limit.rlim_max)
        value = limit.rlim_max;
    limit.rlim_cur = value;
    limit.rlim_max = value;
    if (thrumi_fault("setrlimit"))
        return -EPERM;
    return setrlimit((__rlimit_resource_t)resource, &limit) == 0 ? 0 : -errno;
}

static int confine_cpus(const struct thrumi_confine *confine)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    for (unsigned i = 0; i < THRUMI_CONFINE_CPUS; i++)
        if ((confine->cpus[i / 8] & (1u << i % 8)) != 0)
            CPU_SET(i, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0 ? 0 : -errno;
}

int thrumi_confine(const struct thrumi_confine *confine)
{
    int rc = 0;

    if (confine->has_cpus)
        rc = confine_cpus(confine);
    if (rc == 0 && confine->nice != 0) {
        errno = 0;
        if (nice(confine->nice) == -1 && errno != 0)
            rc = -errno;
    }
    if (rc == 0 && confine->no_core)
        rc = confine_limit(RLIMIT_CORE, 0);
    if (rc == 0 && confine->files != 0)
        rc = confine_limit(RLIMIT_NOFILE, confine->files);
    if (rc == 0 && confine->memory != 0)
        rc = confine_limit(RLIMIT_AS, confine->memory);
    return rc;
}

/* The kernel counts for the whole life of a process, in whole seconds. */
void thrumi_confine_cpu(uint64_t seconds)
{
    struct rlimit limit;
    struct rusage used;

    if (getrlimit(RLIMIT_CPU, &limit) != 0 ||
        getrusage(RUSAGE_SELF, &used) != 0)
        return;
    limit.rlim_cur = (rlim_t)used.ru_utime.tv_sec +
                     (rlim_t)used.ru_stime.tv_sec + 1 + seconds;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_CPU, &limit);
}

bool thrumi_confine_is_cpu(int signal_number)
{
    return signal_number == SIGXCPU;
}
