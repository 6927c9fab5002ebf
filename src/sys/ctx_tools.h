/* SPDX-License-Identifier: MIT */
/*
 * sys/ctx_tools.h - telling the sanitizers and Valgrind of stacks and switches.
 *
 * Each keeps a picture of the stack that runs: AddressSanitizer its bounds and
 * a fake stack, ThreadSanitizer a stack of calls and a clock per fiber,
 * Valgrind the bounds. All of it is nothing in a plain build, but for
 * Valgrind's requests, which are made once in a stack's life.
 *
 * Order: leave() by the one who stops, directly before the switch; arrive() by
 * the one who goes on, directly after it. Functions that call them are not
 * instrumented (THRUMI_CTX_PLAIN): their own record of being entered would
 * belong to another stack.
 */
#ifndef THRUMI_SYS_CTX_TOOLS_H
#define THRUMI_SYS_CTX_TOOLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fence.h" /* THRUMI_TSAN */
#include "sys/tools.h"  /* THRUMI_ASAN */

#ifdef THRUMI_ASAN
# include <sanitizer/common_interface_defs.h>
#endif
#ifdef THRUMI_TSAN
# include <sanitizer/tsan_interface.h>
#endif
#ifdef THRUMI_VALGRIND
# include <valgrind/valgrind.h>
#endif

/* clang leaves calls of ThreadSanitizer in a function that is not to be
 * sanitized, unless it is told so otherwise. */
#if defined(__has_attribute)
# if __has_attribute(disable_sanitizer_instrumentation)
#  define THRUMI_CTX_PLAIN \
   __attribute__((disable_sanitizer_instrumentation, noinline))
# endif
#endif
#ifndef THRUMI_CTX_PLAIN
# define THRUMI_CTX_PLAIN \
  __attribute__((no_sanitize("address"), no_sanitize("thread"), noinline))
#endif

/* What is inlined into a plain function must be plain itself: gcc marks its
 * variables as out of scope otherwise, and nobody takes the marks away. */
#define THRUMI_CTX_PLAIN_INLINE                                      \
 static inline __attribute__((always_inline, no_sanitize("address"), \
                              no_sanitize("thread")))

struct thrumi_ctx_tools {
    const void *low; /* of the stack; of a thread's own it is learned */
    size_t size;
#ifdef THRUMI_ASAN
    void *fake_stack; /* while it does not run */
#endif
#ifdef THRUMI_TSAN
    void *fiber;
#endif
#ifdef THRUMI_VALGRIND
    unsigned valgrind_id;
#endif
};

/* The thread's own stack. */
static inline void thrumi_ctx_tools_thread(struct thrumi_ctx_tools *tools)
{
    tools->low = NULL;
    tools->size = 0;
#ifdef THRUMI_TSAN
    tools->fiber = __tsan_get_current_fiber();
#endif
}

/* A stack of ours; it may have been left by frames that never returned. */
static inline void thrumi_ctx_tools_new(struct thrumi_ctx_tools *tools,
                                        const void *low, size_t size)
{
    tools->low = low;
    tools->size = size;
    thrumi_unpoison(low, size);
#ifdef THRUMI_ASAN
    tools->fake_stack = NULL;
#endif
#ifdef THRUMI_TSAN
    tools->fiber = __tsan_create_fiber(0);
#endif
#ifdef THRUMI_VALGRIND
    tools->valgrind_id = VALGRIND_STACK_REGISTER(low, (const char *)low + size);
#endif
}

static inline void thrumi_ctx_tools_free(struct thrumi_ctx_tools *tools)
{
    (void)tools;
#ifdef THRUMI_TSAN
    __tsan_destroy_fiber(tools->fiber);
#endif
#ifdef THRUMI_VALGRIND
    VALGRIND_STACK_DEREGISTER(tools->valgrind_id);
#endif
}

/* `from` NULL: what stops now will never go on. */
THRUMI_CTX_PLAIN_INLINE void
thrumi_ctx_tools_leave(struct thrumi_ctx_tools *from,
                       const struct thrumi_ctx_tools *to)
{
    (void)from;
    (void)to;
#ifdef THRUMI_ASAN
    __sanitizer_start_switch_fiber(from == NULL ? NULL : &from->fake_stack,
                                   to->low, to->size);
#endif
#ifdef THRUMI_TSAN
    if (from != NULL)
        __tsan_release(from);
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
}

/* Somebody has seen that it stands still: all that it did was before. The
 * assembly that stops it does not tell. */
static inline void thrumi_ctx_tools_look(struct thrumi_ctx_tools *tools)
{
    (void)tools;
#ifdef THRUMI_TSAN
    __tsan_acquire(tools);
#endif
}

/* `left`: what stopped; its bounds are learned if they were not known. */
THRUMI_CTX_PLAIN_INLINE void
thrumi_ctx_tools_arrive(struct thrumi_ctx_tools *here,
                        struct thrumi_ctx_tools *left)
{
    (void)here;
    (void)left;
#ifdef THRUMI_ASAN
    {
        /* into no local: where this is inlined nobody clears its shadow */
        bool learn = left != NULL && left->low == NULL;

        __sanitizer_finish_switch_fiber(here->fake_stack,
                                        learn ? &left->low : NULL,
                                        learn ? &left->size : NULL);
    }
#endif
}

/* The thread is on its own stack again, by no switch (pthread_exit). The frames
 * there that were left for good have not cleared their marks. What runs now has
 * frames among the fake ones of the other stack, so those are not freed. */
THRUMI_CTX_PLAIN_INLINE void
thrumi_ctx_tools_return(const struct thrumi_ctx_tools *thread)
{
    (void)thread;
#ifdef THRUMI_ASAN
    {
        void *fake_stack;

        __sanitizer_start_switch_fiber(&fake_stack, thread->low, thread->size);
        __sanitizer_finish_switch_fiber(thread->fake_stack, NULL, NULL);
        thrumi_unpoison(thread->low, thread->size);
    }
#endif
}

#endif /* THRUMI_SYS_CTX_TOOLS_H */
