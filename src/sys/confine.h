/* SPDX-License-Identifier: MIT */
/*
 * sys/confine.h - what a worker process may use up.
 */
#ifndef THRUMI_SYS_CONFINE_H
#define THRUMI_SYS_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#define THRUMI_CONFINE_CPUS 1024

/* Of one layout in all processes of a program: it is sent. */
struct thrumi_confine {
    uint64_t memory;      /* bytes of address space; 0: as they are */
    uint64_t cpu_seconds; /* of one task; 0: as they are */
    uint64_t files;       /* descriptors; 0: as they are */
    int32_t nice;         /* added */
    bool no_core;         /* no core dump */
    bool sandbox;
    bool has_cpus;
    unsigned char cpus[THRUMI_CONFINE_CPUS / 8];
};

/* Applies all but the sandbox to this process: 0 or -errno. */
int thrumi_confine(const struct thrumi_confine *confine);
/* From now on this process may spend so many more seconds on a CPU. */
void thrumi_confine_cpu(uint64_t seconds);
/* Did the process end because it spent them? */
bool thrumi_confine_is_cpu(int signal);

/* The sandbox can be had here. */
bool thrumi_sandbox_can(void);
/* From now on this process can use the memory and the descriptors that it has,
 * and little else: 0 or -errno. */
int thrumi_sandbox_enter(void);

#endif /* THRUMI_SYS_CONFINE_H */
