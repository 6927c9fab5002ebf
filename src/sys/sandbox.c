/* SPDX-License-Identifier: MIT */
/*
 * sys/sandbox.c - a worker that can compute, and little else.
 *
 * For parsers of what cannot be trusted. Allowed is what computing, memory,
 * waiting and the exchange with the pool need; files that are open can be read
 * and written, no others opened, no process started, no socket made. What is
 * not allowed kills the process (SIGSYS), so that the task is named by its
 * crash; a few calls that libraries make without need only fail.
 */
#include "sys/confine.h"

#include <errno.h>

#ifdef THRUMI_SECCOMP
# include <dlfcn.h>
# include <seccomp.h>
# include <stddef.h>
# include <string.h>

static const int sandbox_allowed[] = {
    SCMP_SYS(brk),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(dup),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fallocate),
    SCMP_SYS(fcntl),
    SCMP_SYS(fstat),
    SCMP_SYS(ftruncate),
    SCMP_SYS(futex),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrlimit),
    SCMP_SYS(getrusage),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(lseek),
    SCMP_SYS(madvise),
    SCMP_SYS(memfd_create),
    SCMP_SYS(mmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(nanosleep),
    SCMP_SYS(newfstatat),
    SCMP_SYS(pread64),
    SCMP_SYS(prlimit64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(recvmsg),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sendmsg),
    SCMP_SYS(setrlimit),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(tgkill),
    SCMP_SYS(time),
    SCMP_SYS(write),
    SCMP_SYS(writev),
};

/* What libraries try, and do without. */
static const int sandbox_refused[] = {
    SCMP_SYS(access),   SCMP_SYS(faccessat), SCMP_SYS(getcwd),
    SCMP_SYS(ioctl),    SCMP_SYS(open),      SCMP_SYS(openat),
    SCMP_SYS(readlink), SCMP_SYS(stat),      SCMP_SYS(uname),
};

# define SANDBOX_COUNT(list) (sizeof(list) / sizeof(list[0]))
# define SANDBOX_LIBRARY     "libseccomp.so.2"

/* What is used of the library. */
struct sandbox_library {
    scmp_filter_ctx (*init)(uint32_t otherwise);
    int (*add)(scmp_filter_ctx filter, uint32_t action, int number,
               unsigned count, const struct scmp_arg_cmp *conditions);
    int (*load)(scmp_filter_ctx filter); /* sets no_new_privs */
    void (*release)(scmp_filter_ctx filter);
};

static bool sandbox_find(void *handle, const char *name, void *ret)
{
    void *symbol = dlsym(handle, name);

    memcpy(ret, &symbol, sizeof(symbol));
    return symbol != NULL;
}

static bool sandbox_open(struct sandbox_library *ret)
{
    void *handle = dlopen(SANDBOX_LIBRARY, RTLD_NOW | RTLD_LOCAL);

    return handle != NULL && sandbox_find(handle, "seccomp_init", &ret->init) &&
           sandbox_find(handle, "seccomp_rule_add_array", &ret->add) &&
           sandbox_find(handle, "seccomp_load", &ret->load) &&
           sandbox_find(handle, "seccomp_release", &ret->release);
}

static int sandbox_fill(const struct sandbox_library *library,
                        scmp_filter_ctx filter)
{
    int rc = 0;

    for (unsigned i = 0; i < SANDBOX_COUNT(sandbox_allowed) && rc == 0; i++)
        rc = library->add(filter, SCMP_ACT_ALLOW, sandbox_allowed[i], 0, NULL);
    for (unsigned i = 0; i < SANDBOX_COUNT(sandbox_refused) && rc == 0; i++)
        rc = library->add(filter, SCMP_ACT_ERRNO(EACCES), sandbox_refused[i], 0,
                          NULL);
    return rc;
}

bool thrumi_sandbox_can(void)
{
    struct sandbox_library library;

    return sandbox_open(&library);
}

int thrumi_sandbox_enter(void)
{
    struct sandbox_library library;
    scmp_filter_ctx filter;
    int rc;

    if (!sandbox_open(&library))
        return -ENOTSUP;
    filter = library.init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return -ENOMEM;
    rc = sandbox_fill(&library, filter);
    if (rc == 0)
        rc = library.load(filter);
    library.release(filter);
    return rc;
}
#else
bool thrumi_sandbox_can(void)
{
    return false;
}

int thrumi_sandbox_enter(void)
{
    return -ENOTSUP;
}
#endif
