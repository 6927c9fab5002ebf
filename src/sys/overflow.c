/* SPDX-License-Identifier: MIT */
/*
 * sys/overflow.c - telling of a stack overflow before the process dies of it.
 *
 * The handler runs on an alternate signal stack, since the other one is full.
 * It is an overflow when the address is in the guard of the stack that was in
 * use: it writes whose, its size and where it happened. A run of equal frames is
 * told once, so that a recursion shows how it began. Whatever the fault, the
 * handler that was there before has its turn then, called as the kernel would;
 * where that was the default, it is put back, and the instruction faults again.
 *
 * Only async-signal-safe calls, but for backtrace(), which is loaded before,
 * and dladdr() and snprintf(), which allocate nothing.
 *
 * A program may put its own handler over ours, and call ours from it. So ours
 * is taken back only while it is on top, and else stays and passes all on.
 *
 * Locking: overflow.lock guards turning it on and off. The handler reads what
 * was written before it was installed.
 */
#include "sys/overflow.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/interrupted.h"
#include "sys/mutex.h"
#include "sys/unwind.h"
#include "sys/write.h"

#define OVERFLOW_STACK  ((size_t)64 * 1024)
#define OVERFLOW_FRAMES 2048
#define OVERFLOW_LINES  48

static struct {
    struct sigaction before;
    thrumi_overflow_tell *tell;
    atomic_bool on;
    _Atomic(const void *) last; /* address that was told of */
    struct thrumi_global_mutex lock;
    bool installed; /* guarded by lock */
} overflow;

/* The signal stack that we gave this thread, or NULL. */
static _Thread_local void *overflow_stack;

/* ---- the report ---- */

/* Is the address in the guard of the stack that was in use? */
static bool overflow_is(const void *address, const void *sp,
                        struct thrumi_stack *ret)
{
    struct thrumi_stack used;

    if (!thrumi_stack_find(address, ret) ||
        (const char *)address >= thrumi_stack_low(ret))
        return false;
    return sp == NULL || (thrumi_stack_find(sp, &used) &&
                          used.slab == ret->slab && used.slot == ret->slot);
}

static void overflow_write_frame(int number, int times, void *const *frame)
{
    char name[256];
    char line[320];
    char again[32] = "";

    /* the innermost one is where it faulted, not where a call returns to */
    if (number == 0)
        thrumi_unwind_name_place(*frame, name, sizeof(name));
    else
        thrumi_unwind_name(*frame, name, sizeof(name));
    if (times > 1)
        snprintf(again, sizeof(again), ", %d times", times);
    snprintf(line, sizeof(line), "    #%-2d %p %s%s\n", number, *frame, name,
             again);
    thrumi_write(STDERR_FILENO, line, strlen(line));
}

static void overflow_write_frames(void *const *frames, int n)
{
    int lines = 0;
    int i = 0;

    while (i < n && lines < OVERFLOW_LINES) {
        int times = 1;

        while (i + times < n && frames[i + times] == frames[i])
            times++;
        overflow_write_frame(i, times, &frames[i]);
        i += times;
        lines++;
    }
}

/* The handler's own frames are left out. */
static void overflow_report(const struct thrumi_stack *stack, const void *pc)
{
    void *frames[OVERFLOW_FRAMES];
    int n = thrumi_unwind(frames, OVERFLOW_FRAMES);
    int first = 0;

    overflow.tell(stack, STDERR_FILENO);
    while (first < n && frames[first] != pc)
        first++;
    if (first == n)
        first = 0;
    overflow_write_frames(frames + first, n - first);
}

/* ---- the handler ---- */

/* The handler of before has its turn. */
static void overflow_pass_on(int number, siginfo_t *info, void *context)
{
    struct sigaction before = overflow.before;
    bool sent = info->si_code <= 0; /* by somebody: it would not come again */

    if (before.sa_handler == SIG_IGN && sent)
        return;
    if (before.sa_handler == SIG_IGN || before.sa_handler == SIG_DFL) {
        sigaction(number, &before, NULL);
        if (sent)
            raise(number);
        return;
    }
    if ((before.sa_flags & SA_RESETHAND) != 0)
        overflow.before.sa_handler = SIG_DFL;
    pthread_sigmask(SIG_BLOCK, &before.sa_mask, NULL);
    if ((before.sa_flags & SA_SIGINFO) != 0)
        before.sa_sigaction(number, info, context);
    else
        before.sa_handler(number);
}

static void overflow_handler(int number, siginfo_t *info, void *context)
{
    struct thrumi_interrupted place = thrumi_interrupted_at(context);
    struct thrumi_stack stack;
    int error = errno;

    /* A handler of before that does nothing has us called for ever. */
    if (atomic_load_explicit(&overflow.on, memory_order_acquire) &&
        info->si_code > 0 && overflow_is(info->si_addr, place.sp, &stack) &&
        atomic_exchange_explicit(&overflow.last, info->si_addr,
                                 memory_order_relaxed) != info->si_addr)
        overflow_report(&stack, place.pc);
    overflow_pass_on(number, info, context);
    errno = error;
}

/* ---- signal stacks ---- */

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

/* The program may have put another in its place. */
void thrumi_overflow_thread_ends(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    stack_t now;

    if (overflow_stack == NULL)
        return;
    if (sigaltstack(NULL, &now) == 0 && now.ss_sp == overflow_stack)
        sigaltstack(&none, NULL);
    munmap(overflow_stack, OVERFLOW_STACK);
    overflow_stack = NULL;
}

/* ---- on and off; the lock is held ---- */

static int overflow_install(void)
{
    struct sigaction ours = {.sa_sigaction = overflow_handler,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigemptyset(&ours.sa_mask);
    if (overflow.installed)
        return 0;
    thrumi_unwind_prepare();
    if (thrumi_fault("sigaction"))
        return -ENOMEM;
    if (sigaction(SIGSEGV, NULL, &overflow.before) != 0 ||
        sigaction(SIGSEGV, &ours, NULL) != 0)
        return -errno;
    overflow.installed = true;
    return 0;
}

static void overflow_uninstall(void)
{
    struct sigaction now;

    if (sigaction(SIGSEGV, NULL, &now) != 0 ||
        (now.sa_flags & SA_SIGINFO) == 0 ||
        now.sa_sigaction != overflow_handler)
        return;
    sigaction(SIGSEGV, &overflow.before, NULL);
    overflow.installed = false;
}

static int overflow_set(bool on)
{
    int rc = on ? overflow_install() : 0;

    if (rc != 0)
        return rc;
    atomic_store_explicit(&overflow.on, on, memory_order_release);
    if (!on)
        overflow_uninstall();
    return 0;
}

int thrumi_overflow_set(bool on, thrumi_overflow_tell *tell)
{
    int rc;

    thrumi_global_mutex_lock(&overflow.lock);
    overflow.tell = tell;
    rc = overflow_set(on);
    thrumi_global_mutex_unlock(&overflow.lock);
    if (rc == 0 && on)
        thrumi_overflow_thread_begins();
    else if (!on)
        thrumi_overflow_thread_ends();
    return rc;
}
