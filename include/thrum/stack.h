/* SPDX-License-Identifier: MIT */
/*
 * thrum/stack.h - the stacks of greenlets and generators.
 *
 * A stack is address space of a fixed size, of which only the pages that were
 * touched take memory: one page for a greenlet that is parked near its
 * beginning. Below it lies a guard of 48 KiB that traps. 64 KiB are plenty for
 * code that keeps its buffers on the heap; code that calls into large C
 * libraries wants 256 KiB. To choose, run with `measure` and ask how deep the
 * stack has been:
 *
 *     thrum_stack_options options = THRUM_STACK_OPTIONS;
 *     thrum_stack_info info = THRUM_STACK_INFO;
 *     options.stack_size = 256 * 1024;
 *     options.measure = true;
 *     rc = thrum_generator_new(rows, db, 0, &options, &g);
 *     ...
 *     rc = thrum_generator_stack(g, &info);      info.used of info.stack_size
 *
 * Sizes are 16 KiB, 64 KiB, 256 KiB, 1 MiB, 4 MiB, 16 MiB, 64 MiB: what is
 * asked for is rounded up. A stack overflow ends the process by SIGSEGV, as it
 * does on any stack; thrum_stack_report_overflow() has it say whose.
 */
#ifndef THRUM_STACK_H
#define THRUM_STACK_H

#include <thrum/base.h>

THRUM_BEGIN_DECLS

typedef struct thrum_stack_options {
    size_t size;       /* sizeof(thrum_stack_options) */
    size_t stack_size; /* bytes; 0: thrum_stack_default() */
    const char *name;  /* for dumps and debuggers; 23 characters are kept */
    bool unguarded;    /* rather without a guard than not at all, where the
                        * system has no more guards to give (THRUM_ESTACK) */
    bool measure;      /* begin with an untouched stack, so that `used` is of
                        * this one alone: a system call and a page fault more */
} thrum_stack_options;

/* clang-format off */
#define THRUM_STACK_OPTIONS { sizeof(thrum_stack_options), 0, NULL, false, false }
/* clang-format on */

typedef struct thrum_stack_info {
    size_t size;       /* sizeof(thrum_stack_info) */
    size_t stack_size; /* bytes that there are */
    size_t used;       /* bytes down to the deepest that was written; without
                        * `measure` perhaps by an earlier user of the stack */
    size_t guard_size; /* bytes below that trap; 0: it has no guard */
} thrum_stack_info;

/* clang-format off */
#define THRUM_STACK_INFO { sizeof(thrum_stack_info), 0, 0, 0 }
/* clang-format on */

/* The size of a stack if none is asked for: 64 KiB, or THRUM_STACK_SIZE in the
 * environment (bytes, or with K or M); and the least that may be asked for:
 * 16 KiB, or what a signal handler needs if that is more.
 *
 * Call from:  any thread.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    bytes. */
THRUM_API size_t thrum_stack_default(void);
THRUM_API size_t thrum_stack_least(void);

/* Gives the memory of all free stacks back to the system. Without it that of
 * stacks which nobody needs for a second or two is given back now and then.
 *
 * Call from:  any thread; those that the caller keeps for itself are included,
 *             those that other threads keep (64 each) are not.
 * Blocks:     for a system call per free stack.
 * Ownership:  -
 * Returns:    nothing. */
THRUM_API void thrum_stack_trim(void);

/* Has stack overflows reported: a handler of SIGSEGV, on a stack of its own,
 * writes to standard error which greenlet or generator it was, its size and a
 * backtrace; then the process dies as it would have. Other faults, and this
 * one afterwards, go to the handler that was there before. False takes it
 * back.
 *
 * Call from:  any thread. It is in force for the caller, and for every thread
 *             that uses greenlets for the first time afterwards.
 * Blocks:     no.
 * Ownership:  takes the disposition of SIGSEGV, and the alternate signal stack
 *             of threads that have none.
 * Returns:    0; -ENOMEM; -errno of sigaction(2). */
THRUM_API THRUM_MUST_USE int thrum_stack_report_overflow(bool on);

THRUM_END_DECLS

#endif /* THRUM_STACK_H */
