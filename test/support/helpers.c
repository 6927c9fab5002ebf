/* SPDX-License-Identifier: MIT */
/*
 * test/support/helpers.c - gates, latches, threads and children for tests.
 *
 * Built on pthreads alone, so that no test of Thrum rests on Thrum.
 */
#include "thrum_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

void gate_close(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = false;
    pthread_mutex_unlock(&gate->lock);
}

void gate_wait(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->reached = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void gate_await_visitor(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    while (!gate->reached)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void *gate_task(void *gate)
{
    gate_wait(gate);
    return gate;
}

void latch_down(struct latch *latch)
{
    pthread_mutex_lock(&latch->lock);
    if (latch->count > 0 && --latch->count == 0)
        pthread_cond_broadcast(&latch->zero);
    pthread_mutex_unlock(&latch->lock);
}

void latch_wait(struct latch *latch)
{
    pthread_mutex_lock(&latch->lock);
    while (latch->count > 0)
        pthread_cond_wait(&latch->zero, &latch->lock);
    pthread_mutex_unlock(&latch->lock);
}

struct test_thread {
    pthread_t id;
    atomic_int tid; /* 0 until it runs */
    void *(*fn)(void *);
    void *arg;
};

static void *thread_main(void *arg)
{
    struct test_thread *thread = arg;

    atomic_store_explicit(&thread->tid, gettid(), memory_order_relaxed);
    return thread->fn(thread->arg);
}

struct test_thread *spawn_thread(void *(*fn)(void *), void *arg)
{
    struct test_thread *thread = calloc(1, sizeof(*thread));

    if (thread == NULL)
        abort();
    thread->fn = fn;
    thread->arg = arg;
    if (pthread_create(&thread->id, NULL, thread_main, thread) != 0) {
        fprintf(stderr, "# no thread to be had\n");
        abort();
    }
    return thread;
}

void *join_thread(struct test_thread *thread)
{
    void *result = NULL;

    pthread_join(thread->id, &result);
    free(thread);
    return result;
}

bool proc_stat(const char *path, char *ret_state, int *ret_parent)
{
    char text[512];
    const char *after;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    after = strrchr(text, ')'); /* names may hold anything */
    return after != NULL &&
           sscanf(after + 1, " %c %d", ret_state, ret_parent) == 2;
}

/* The letter; 0 when it is gone. */
static char thread_state(int tid)
{
    char path[64];
    char state;
    int parent;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    return proc_stat(path, &state, &parent) ? state : '\0';
}

void thread_await_sleep(struct test_thread *thread)
{
    char state;
    int tid;

    WAIT_UNTIL(
        (tid = atomic_load_explicit(&thread->tid, memory_order_relaxed)) != 0);
    do {
        sched_yield();
        state = thread_state(tid);
    } while (state != 'S' && state != '\0');
}

void thread_signal(struct test_thread *thread, int number)
{
    pthread_kill(thread->id, number);
}

/* qemu-user says yes to any advice about memory, also to one that no kernel
 * knows. */
bool test_emulated(void)
{
    return madvise(NULL, 0, 0x7fff) == 0;
}

static void child_main(int (*fn)(void *), void *arg, pid_t parent)
{
    unsigned failed_before = test_checks_failed();
    int rc;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    alarm(watchdog_seconds());
    rc = fn(arg);
    fflush(stderr);
    _exit(test_checks_failed() == failed_before ? rc : 101);
}

int in_child(int (*fn)(void *arg), void *arg)
{
    pid_t parent = getpid();
    pid_t child;
    int status;

    fflush(NULL);
    child = fork();
    if (child == 0)
        child_main(fn, arg, parent);
    assert_true(child > 0);
    while (waitpid(child, &status, 0) == -1)
        assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
