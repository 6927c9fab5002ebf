/* SPDX-License-Identifier: MIT */
/*
 * sys/dispatch.c - each system call of a thread, before it is made.
 *
 * A byte of the thread's says whether the kernel is to send SIGSYS in place of
 * making a call:
 *
 *     BLOCK --call--> SIGSYS: look at it, ALLOW, back to the instruction, TF
 *     ALLOW --call--> made as if nobody had looked
 *           --one instruction later--> SIGTRAP: BLOCK, no TF
 *
 * So it is the program itself that makes the call, with its own registers, stack
 * and mask; clone() and vfork() return twice as ever, and who is interrupted in
 * it runs his handler unseen and comes back to be trapped. Three calls are not
 * made so:
 *
 * - what changes the mask, or sets one for handlers, does so without SIGSYS and
 *   SIGTRAP, since the kernel ends a process that has blocked what it must send;
 * - the return from the program's own signal handlers is made by an instruction
 *   of ours, which is always allowed, for no flag of ours outlives it;
 * - after a clone() with CLONE_CLEAR_SIGHAND nothing traps: SIGTRAP would end
 *   the child. The next thrumi_dispatch_here() looks again.
 *
 * Neither a thread's new thread nor a forked child is looked at: the kernel sees to
 * that. They do inherit the trap, which then does nothing but go away.
 *
 * Not here: masks that other threads set for handlers; what ppoll() and its like
 * set meanwhile. A handler that runs with SIGSYS blocked ends the process.
 */
#include "sys/dispatch.h"

#include <errno.h>

atomic_bool thrumi_dispatch_wanted;

#if defined(__x86_64__)

# include <linux/audit.h>
# include <pthread.h>
# include <signal.h>
# include <stdint.h>
# include <string.h>
# include <sys/prctl.h>
# include <sys/syscall.h>
# include <ucontext.h>
# include <unistd.h>

# define DISPATCH_SET   59 /* PR_SET_SYSCALL_USER_DISPATCH */
# define DISPATCH_OFF   0L
# define DISPATCH_ON    1L
# define DISPATCH_ALLOW 0
# define DISPATCH_BLOCK 1
# define DISPATCH_CODE  2 /* SYS_USER_DISPATCH */

# define DISPATCH_RESTORER 0x04000000ul /* SA_RESTORER */
# define DISPATCH_TF       0x100
# define DISPATCH_CLONE3   435
# define DISPATCH_CLEARS   0x100000000ull /* CLONE_CLEAR_SIGHAND */

# define DISPATCH_OURS (1ull << (SIGSYS - 1) | 1ull << (SIGTRAP - 1))

/* As the kernel knows it. */
struct dispatch_action {
    void (*handler)(int number, siginfo_t *info, void *context);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

void thrumi_dispatch_return(void);
extern const char thrumi_dispatch_return_end[];

/* The kernel reads it at each call. */
static _Thread_local volatile unsigned char dispatch_selector;
static _Thread_local volatile bool dispatch_armed;

static thrumi_dispatch_fn *dispatch_fn;
/* What the program has set, or believes to. */
static struct dispatch_action dispatch_sys;
static struct dispatch_action dispatch_trap;
static pthread_once_t dispatch_once = PTHREAD_ONCE_INIT;
static int dispatch_error; /* of the once */

/* ---- what is set for signals ---- */

static long dispatch_raw_action(long number, const struct dispatch_action *set,
                                struct dispatch_action *before)
{
    long rc = syscall(SYS_rt_sigaction, number, set, before, sizeof(set->mask));

    return rc < 0 ? -errno : rc;
}

/* The signal is not for us. */
static void dispatch_pass_on(struct dispatch_action *to, int number,
                             siginfo_t *info, void *context)
{
    struct dispatch_action none = {0};

    if ((uintptr_t)to->handler > 1) {
        to->handler(number, info, context);
    } else if ((uintptr_t)to->handler == (uintptr_t)SIG_DFL) {
        (void)dispatch_raw_action(number, &none, NULL);
        (void)syscall(SYS_tgkill, (long)getpid(), syscall(SYS_gettid),
                      (long)number);
    }
}

/* What is set for our two signals is remembered, for those sent by others. */
static long dispatch_pretend_action(struct dispatch_action *of,
                                    const struct dispatch_action *set,
                                    struct dispatch_action *before)
{
    struct dispatch_action old = *of;

    if (set != NULL)
        *of = *set;
    if (before != NULL)
        *before = old;
    return 0;
}

static long dispatch_set_action(const long *args)
{
    const struct dispatch_action *set = (const void *)args[1];
    struct dispatch_action *before = (void *)args[2];
    struct dispatch_action open;

    if (args[3] != sizeof(open.mask))
        return -EINVAL;
    if (args[0] == SIGSYS)
        return dispatch_pretend_action(&dispatch_sys, set, before);
    if (args[0] == SIGTRAP)
        return dispatch_pretend_action(&dispatch_trap, set, before);
    if (set == NULL)
        return dispatch_raw_action(args[0], NULL, before);
    open = *set;
    open.mask &= ~DISPATCH_OURS;
    return dispatch_raw_action(args[0], &open, before);
}

/* Those that were set before anybody looked. */
static void dispatch_open_masks(void)
{
    struct dispatch_action action;

    for (long number = 1; number <= 64; number++) {
        if (dispatch_raw_action(number, NULL, &action) != 0 ||
            (uintptr_t)action.handler <= 1 ||
            (action.mask & DISPATCH_OURS) == 0)
            continue;
        action.mask &= ~DISPATCH_OURS;
        (void)dispatch_raw_action(number, &action, NULL);
    }
}

/* ---- masks ---- */

/* The frame has the kernel's eight bytes where libc has more of them. */
static uint64_t dispatch_get_mask(const ucontext_t *at)
{
    uint64_t mask;

    memcpy(&mask, &at->uc_sigmask, sizeof(mask));
    return mask;
}

static void dispatch_put_mask(ucontext_t *at, uint64_t mask)
{
    mask &= ~DISPATCH_OURS;
    memcpy(&at->uc_sigmask, &mask, sizeof(mask));
}

/* Done here, so that who is let in comes in now; then it is what the return
 * from our handler puts in force. */
static long dispatch_set_mask(ucontext_t *at, const long *args)
{
    const uint64_t *set = (const void *)args[1];
    uint64_t open = set == NULL ? 0 : *set & ~DISPATCH_OURS;
    uint64_t now = dispatch_get_mask(at);
    long rc = syscall(SYS_rt_sigprocmask, args[0], set == NULL ? NULL : &open,
                      args[2], args[3]);

    if (rc < 0)
        return -errno;
    (void)syscall(SYS_rt_sigprocmask, (long)SIG_BLOCK, NULL, &now, sizeof(now));
    dispatch_put_mask(at, now);
    return 0;
}

/* ---- calls ---- */

static void dispatch_read(const siginfo_t *info, const ucontext_t *at,
                          struct thrumi_dispatched *ret)
{
    const greg_t *regs = at->uc_mcontext.gregs;

    *ret = (struct thrumi_dispatched){info->si_syscall,
                                      {(long)regs[REG_RDI], (long)regs[REG_RSI],
                                       (long)regs[REG_RDX], (long)regs[REG_R10],
                                       (long)regs[REG_R8], (long)regs[REG_R9]},
                                      (const void *)(uintptr_t)regs[REG_RIP]};
}

/* Made already. */
static void dispatch_answer(ucontext_t *at, long rc)
{
    at->uc_mcontext.gregs[REG_RAX] = rc;
    dispatch_selector = DISPATCH_BLOCK;
}

/* The stack pointer is at the context to go back to. */
static void dispatch_go_back(ucontext_t *at)
{
    ucontext_t *to = (void *)(uintptr_t)at->uc_mcontext.gregs[REG_RSP];

    dispatch_put_mask(to, dispatch_get_mask(to));
    at->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)thrumi_dispatch_return;
    dispatch_selector = DISPATCH_BLOCK;
}

/* The program makes the call itself. Hooks that were called meanwhile, by somebody's
 * handler, may have set BLOCK again. */
static void dispatch_let(ucontext_t *at, const struct thrumi_dispatched *call)
{
    dispatch_selector = DISPATCH_ALLOW;
    at->uc_mcontext.gregs[REG_RIP] -= 2;
    at->uc_mcontext.gregs[REG_RAX] = call->number;
    if (call->number == DISPATCH_CLONE3 &&
        (*(const uint64_t *)call->args[0] & DISPATCH_CLEARS) != 0)
        return;
    at->uc_mcontext.gregs[REG_EFL] |= DISPATCH_TF;
}

static void dispatch_see(const siginfo_t *info, ucontext_t *at)
{
    struct thrumi_dispatched call;

    dispatch_read(info, at, &call);
    at->uc_mcontext.gregs[REG_RAX] = call.number;
    if (info->si_arch != AUDIT_ARCH_X86_64) {
        dispatch_let(at, &call);
    } else if (call.number == SYS_rt_sigreturn) {
        dispatch_go_back(at);
    } else if (call.number == SYS_rt_sigprocmask) {
        dispatch_answer(at, dispatch_set_mask(at, call.args));
    } else if (call.number == SYS_rt_sigaction) {
        dispatch_answer(at, dispatch_set_action(call.args));
    } else {
        /* acquire: pairs with the release in thrumi_dispatch_start() */
        if (atomic_load_explicit(&thrumi_dispatch_wanted, memory_order_acquire))
            dispatch_fn(&call);
        dispatch_let(at, &call);
    }
}

/* ---- signals ---- */

static void dispatch_on_sys(int number, siginfo_t *info, void *context)
{
    int error = errno;

    if (info->si_code != DISPATCH_CODE) {
        dispatch_pass_on(&dispatch_sys, number, info, context);
        return;
    }
    dispatch_selector = DISPATCH_ALLOW;
    dispatch_see(info, context);
    errno = error;
}

/* In a thread or a child that nobody looks at it is the trap alone that has to
 * go. */
static void dispatch_on_trap(int number, siginfo_t *info, void *context)
{
    ucontext_t *at = context;

    if (info->si_code != TRAP_TRACE) {
        dispatch_pass_on(&dispatch_trap, number, info, context);
        return;
    }
    at->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)DISPATCH_TF;
    if (dispatch_armed)
        dispatch_selector = DISPATCH_BLOCK;
}

/* ---- beginning ---- */

static void dispatch_in_child(void)
{
    dispatch_armed = false;
    dispatch_selector = DISPATCH_ALLOW;
}

static void dispatch_prepare(void)
{
    dispatch_error = -pthread_atfork(NULL, NULL, dispatch_in_child);
}

/* Again and again, since somebody else may have taken it meanwhile. */
static int dispatch_take(int number, void (*handler)(int, siginfo_t *, void *),
                         struct dispatch_action *ret_before)
{
    struct dispatch_action action = {
        handler, SA_SIGINFO | SA_NODEFER | DISPATCH_RESTORER,
        thrumi_dispatch_return, 0};
    struct dispatch_action before;
    long rc = dispatch_raw_action(number, NULL, &before);

    if (rc != 0 || before.handler == handler)
        return (int)rc;
    *ret_before = before;
    return (int)dispatch_raw_action(number, &action, NULL);
}

static int dispatch_arm(void)
{
    uint64_t ours = DISPATCH_OURS;
    uintptr_t from = (uintptr_t)thrumi_dispatch_return;
    uintptr_t end = (uintptr_t)thrumi_dispatch_return_end;
    long rc;

    dispatch_open_masks();
    (void)syscall(SYS_rt_sigprocmask, (long)SIG_UNBLOCK, &ours, NULL,
                  sizeof(ours));
    rc = syscall(SYS_prctl, (long)DISPATCH_SET, DISPATCH_ON, from, end - from,
                 &dispatch_selector);
    dispatch_armed = rc == 0;
    return rc == 0 ? 0 : -errno;
}

/* Off and on again where the kernel knows it; -EINVAL where it does not. */
static int dispatch_probe(void)
{
    long rc = syscall(SYS_prctl, (long)DISPATCH_SET, DISPATCH_OFF, 0L, 0L, 0L);

    return rc == 0 ? 0 : -errno;
}

int thrumi_dispatch_start(thrumi_dispatch_fn *fn)
{
    int rc = 0;

    if (!dispatch_armed) /* else it is known, and would be put out */
        rc = dispatch_probe();
    if (rc != 0)
        return rc;
    pthread_once(&dispatch_once, dispatch_prepare);
    rc = dispatch_error;
    if (rc == 0)
        rc = dispatch_take(SIGSYS, dispatch_on_sys, &dispatch_sys);
    if (rc == 0)
        rc = dispatch_take(SIGTRAP, dispatch_on_trap, &dispatch_trap);
    if (rc != 0)
        return rc;
    dispatch_fn = fn;
    atomic_store_explicit(&thrumi_dispatch_wanted, true, memory_order_release);
    thrumi_dispatch_here();
    return 0;
}

void thrumi_dispatch_stop(void)
{
    atomic_store_explicit(&thrumi_dispatch_wanted, false, memory_order_relaxed);
}

void thrumi_dispatch_here(void)
{
    int error = errno;

    if (dispatch_armed || dispatch_arm() == 0)
        dispatch_selector = DISPATCH_BLOCK;
    errno = error;
}

#else

int thrumi_dispatch_start(thrumi_dispatch_fn *fn)
{
    (void)fn;
    return -ENOTSUP;
}

void thrumi_dispatch_stop(void)
{
}

void thrumi_dispatch_here(void)
{
}

#endif
