/* SPDX-License-Identifier: MIT */
/*
 * sys/ctx.h - one thread of control leaves, another goes on: the switch.
 *
 * A struct thrumi_ctx is where something stopped that is to go on later: its
 * stack pointer, the place in the code, its frame pointer. All other registers
 * are on its stack by then: the switch is a statement that clobbers every one
 * of them, so the compiler saves what the surrounding function still needs,
 * and that function's unwind information says where. Hence debuggers,
 * exceptions and backtraces see a stopped stack as they see any other.
 *
 * `pc` is written last when something stops, and cleared before it goes on: a
 * context that has one is not running, and its stack can be read.
 *
 * There is no call and no return in the switch, so the processor's stack of
 * return addresses stays as it was, and the returns of the functions around
 * the switch are predicted. docs/design/switch.md has the measurements.
 *
 * The hop is the other form, for generators: what stops is a whole function
 * call, and who goes on returns from his, with a code, straight into the code
 * that called it. It saves the call and the return inside of the library, and
 * jumps where a return would be predicted wrongly: a generator and the loop
 * that pulls it are never the same code. Not all processors have it here.
 *
 *     hopped:   pops the registers and jumps to the caller
 *     landing:  calls thrumi_strand_land() first, whose code is returned
 *
 * Not switched: the floating-point control words (rounding, masks), which a
 * program sets once if at all, and the signal mask.
 *
 * Three files have it: ctx_x86_64.h and ctx_aarch64.h with their .S, and
 * ctx_ucontext.h for all other processors and for comparing.
 */
#ifndef THRUMI_SYS_CTX_H
#define THRUMI_SYS_CTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a new stack begins with; never returns. */
typedef void thrumi_ctx_main(void *word);

#if !defined(THRUMI_CTX_UCONTEXT) && defined(__x86_64__)
# include "sys/ctx_x86_64.h"
#elif !defined(THRUMI_CTX_UCONTEXT) && defined(__aarch64__)
# include "sys/ctx_aarch64.h"
#else
# include "sys/ctx_ucontext.h"
#endif

/* Of functions that switch: whoever calls them is to expect that every register
 * of the calling convention changes, also if a compiler that sees more of the
 * program knows better, about registers which the switch has no name for. */
#if defined(__has_attribute)
# if __has_attribute(noipa)
#  define THRUMI_CTX_SWITCHES __attribute__((noipa))
# endif
#endif
#ifndef THRUMI_CTX_SWITCHES
# define THRUMI_CTX_SWITCHES __attribute__((noinline))
#endif

/* Makes a context that will call main(word) on the stack from `low` up to
 * `top`, when it is first switched to; `word` is what the switch passes. */
void thrumi_ctx_init(struct thrumi_ctx *ctx, void *low, void *top,
                     thrumi_ctx_main *main);

/* Calls fn(arg) in such a way that its caller appears to be what stopped in
 * `ctx`: backtrace() there walks that stack. Only where THRUMI_CTX_WALK. */
void thrumi_ctx_walk(const struct thrumi_ctx *ctx, void (*fn)(void *arg),
                     void *arg);

/* The control words of the floating-point unit, to be compared. */
uint64_t thrumi_ctx_float_control(void);

#endif /* THRUMI_SYS_CTX_H */
