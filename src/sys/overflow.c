/* SPDX-License-Identifier: MIT */
/*
 * sys/overflow.c - telling of a stack overflow before the process dies of it.
 *
 * The handler runs on an alternate signal stack, since the other one is full.
 * An address in one of our guards is an overflow: it writes whose, its size and
 * where it happened. Whatever the fault, the handler that was there before then
 * has its turn: it is put back, and the instruction faults again.
 *
 * Only async-signal-safe calls, but for backtrace(), which is loaded before.
 */
#include "sys/overflow.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/unwind.h"

#define OVERFLOW_STACK  ((size_t)64 * 1024)
#define OVERFLOW_FRAMES 48

static struct {
    struct sigaction before;
    thrumi_overflow_tell *tell;
    atomic_bool on;
} overflow;

/* The signal stack that we gave this thread, or NULL. */
static _Thread_local void *overflow_stack;

static bool overflow_in_guard(const void *address, struct thrumi_stack *ret)
{
    return thrumi_stack_find(address, ret) &&
           (const char *)address < thrumi_stack_low(ret);
}

static void overflow_report(const struct thrumi_stack *stack)
{
    void *frames[OVERFLOW_FRAMES];
    int n = backtrace(frames, OVERFLOW_FRAMES);

    overflow.tell(stack, STDERR_FILENO);
    backtrace_symbols_fd(frames, n, STDERR_FILENO);
}

static void overflow_handler(int number, siginfo_t *info, void *context)
{
    struct thrumi_stack stack;

    (void)context;
    if (overflow_in_guard(info->si_addr, &stack))
        overflow_report(&stack);
    sigaction(number, &overflow.before, NULL);
    /* sent by somebody, not by a fault: it would not come again by itself */
    if (info->si_code <= 0)
        raise(number);
}

void thrumi_overflow_thread_begins(void)
{
    stack_t ours = {.ss_size = OVERFLOW_STACK};
    stack_t now;

    if (!atomic_load_explicit(&overflow.on, memory_order_acquire) ||
        overflow_stack != NULL || sigaltstack(NULL, &now) != 0 ||
        (now.ss_flags & SS_DISABLE) == 0)
        return;
    ours.ss_sp = mmap(NULL, OVERFLOW_STACK, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ours.ss_sp == MAP_FAILED)
        return;
    if (sigaltstack(&ours, NULL) == 0)
        overflow_stack = ours.ss_sp;
    else
        munmap(ours.ss_sp, OVERFLOW_STACK);
}

void thrumi_overflow_thread_ends(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    if (overflow_stack == NULL)
        return;
    sigaltstack(&none, NULL);
    munmap(overflow_stack, OVERFLOW_STACK);
    overflow_stack = NULL;
}

static int overflow_take(void)
{
    struct sigaction ours = {.sa_sigaction = overflow_handler,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigemptyset(&ours.sa_mask);
    thrumi_unwind_prepare();
    if (thrumi_fault("sigaction"))
        return -ENOMEM;
    if (sigaction(SIGSEGV, &ours, &overflow.before) != 0)
        return -errno;
    atomic_store_explicit(&overflow.on, true, memory_order_release);
    thrumi_overflow_thread_begins();
    return 0;
}

int thrumi_overflow_set(bool on, thrumi_overflow_tell *tell)
{
    if (on == atomic_load_explicit(&overflow.on, memory_order_acquire))
        return 0;
    overflow.tell = tell;
    if (on)
        return overflow_take();
    atomic_store_explicit(&overflow.on, false, memory_order_release);
    sigaction(SIGSEGV, &overflow.before, NULL);
    thrumi_overflow_thread_ends();
    return 0;
}
