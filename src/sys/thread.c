/* SPDX-License-Identifier: MIT */
/*
 * sys/thread.c - OS threads: starting, naming, ending.
 */
#include "sys/thread.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/mutex.h"

#define THREAD_NAME 16 /* with its end, by the kernel */

static int thread_set_affinity(pthread_attr_t *attr, const int *cpus,
                               size_t count)
{
    cpu_set_t set;

    if (thrumi_fault("pthread_attr_setaffinity_np"))
        return ENOMEM;
    CPU_ZERO(&set);
    for (size_t i = 0; i < count; i++)
        CPU_SET((size_t)cpus[i], &set);
    return pthread_attr_setaffinity_np(attr, sizeof(set), &set);
}

int thrumi_thread_check_affinity(const int *cpus, size_t count)
{
    if (count > 0 && cpus == NULL)
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        if (cpus[i] < 0 || cpus[i] >= CPU_SETSIZE)
            return -EINVAL;
    return 0;
}

static size_t thread_stack_size(size_t asked)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);

    if (asked < least)
        asked = least;
    return (asked + page - 1) / page * page;
}

static int thread_set_stack(pthread_attr_t *attr, size_t asked)
{
    if (thrumi_fault("pthread_attr_setstacksize"))
        return EINVAL;
    return pthread_attr_setstacksize(attr, thread_stack_size(asked));
}

/* The mask is inherited, so it is set here for the moment of the creation. */
static int thread_create(pthread_t *ret, pthread_attr_t *attr,
                         const sigset_t *mask, void *(*fn)(void *), void *arg)
{
    sigset_t before;
    int rc;

    if (mask != NULL)
        pthread_sigmask(SIG_SETMASK, mask, &before);
    rc = pthread_create(ret, attr, fn, arg);
    if (mask != NULL)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int thrumi_thread_start(pthread_t *ret,
                        const struct thrumi_thread_options *options,
                        void *(*fn)(void *), void *arg)
{
    pthread_attr_t attr;
    int rc;

    if (thrumi_fault("pthread_create"))
        return -EAGAIN;
    rc = thrumi_fault("pthread_attr_init") ? ENOMEM : pthread_attr_init(&attr);
    if (rc != 0)
        return -rc;
    if (options->stack_size != 0)
        rc = thread_set_stack(&attr, options->stack_size);
    if (rc == 0 && options->affinity_count != 0)
        rc = thread_set_affinity(&attr, options->affinity,
                                 options->affinity_count);
    if (rc == 0)
        rc = thread_create(ret, &attr, options->mask, fn, arg);
    pthread_attr_destroy(&attr);
    return -rc;
}

void thrumi_thread_set_name(const char *prefix, unsigned n)
{
    char number[12];
    char name[THREAD_NAME];
    int room;

    snprintf(number, sizeof(number), "_%u", n);
    room = THREAD_NAME - 1 - (int)strlen(number);
    snprintf(name, sizeof(name), "%.*s%s", room, prefix, number);
    pthread_setname_np(pthread_self(), name);
}

void thrumi_thread_mask(sigset_t *ret, bool block_all)
{
    static const int synchronous[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                      SIGTRAP, SIGABRT, SIGSYS};

    pthread_sigmask(SIG_SETMASK, NULL, ret);
    if (!block_all)
        return;
    sigfillset(ret);
    for (size_t i = 0; i < sizeof(synchronous) / sizeof(synchronous[0]); i++)
        sigdelset(ret, synchronous[i]);
}

int thrumi_thread_set_cancel(int state)
{
    int before = PTHREAD_CANCEL_ENABLE;

    (void)pthread_setcancelstate(state, &before);
    return before;
}

struct thrumi_thread_stack thrumi_thread_stack(void)
{
    struct thrumi_thread_stack stack = {NULL, NULL};
    pthread_attr_t attr;
    void *low;
    size_t size;

    if (thrumi_fault("pthread_getattr_np") ||
        pthread_getattr_np(pthread_self(), &attr) != 0)
        return stack;
    if (pthread_attr_getstack(&attr, &low, &size) == 0) {
        stack.low = low;
        stack.high = stack.low + size;
    }
    pthread_attr_destroy(&attr);
    return stack;
}

unsigned thrumi_thread_count(void)
{
    struct stat status;

    if (thrumi_fault("stat") || stat("/proc/self/task", &status) != 0 ||
        status.st_nlink < 3)
        return 0;
    return (unsigned)status.st_nlink - 2; /* but for "." and ".." */
}

void thrumi_thread_yield(void)
{
    sched_yield();
}

/* Made when it is first wanted; if that fails, tried again for the next thread.
 * What a thread without it had is lost, but not the thread. */
static struct {
    struct thrumi_global_mutex lock;
    pthread_key_t key;
    atomic_bool made;
} thread_end;

static bool thread_end_make(void (*fn)(void *))
{
    bool made;

    thrumi_global_mutex_lock(&thread_end.lock);
    made = atomic_load_explicit(&thread_end.made, memory_order_relaxed);
    if (!made && !thrumi_fault("pthread_key_create"))
        made = pthread_key_create(&thread_end.key, fn) == 0;
    /* release: pairs with the acquire in thrumi_thread_at_end() */
    atomic_store_explicit(&thread_end.made, made, memory_order_release);
    thrumi_global_mutex_unlock(&thread_end.lock);
    return made;
}

void thrumi_thread_at_end(void (*fn)(void *), void *arg)
{
    /* acquire: pairs with the release in thread_end_make() */
    if (atomic_load_explicit(&thread_end.made, memory_order_acquire) ||
        thread_end_make(fn))
        pthread_setspecific(thread_end.key, arg);
}
