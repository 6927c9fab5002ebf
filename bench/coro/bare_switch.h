/* SPDX-License-Identifier: MIT */
/*
 * coro/bare_switch.h - the least that a switch on x86-64 can be, for floors.
 *
 * floor_switch() pushes six registers, saves the stack pointer at *save, loads
 * `load`, pops six, and returns (FLOOR_GO: what it does instead).
 *
 * A new context's stack is laid out as if it had stopped at floor_begin, with
 * its function and the argument on top. The function never returns.
 *
 * Included by one file of a program: it has the code.
 */
#ifndef BENCH_CORO_BARE_SWITCH_H
#define BENCH_CORO_BARE_SWITCH_H

#include <stddef.h>

#ifndef FLOOR_GO
# define FLOOR_GO "retq\n"
#endif

extern char floor_begin[] __attribute__((visibility("hidden")));
void floor_switch(void **save, void *load)
    __attribute__((visibility("hidden")));

__asm__(".text\n"
        ".globl floor_begin\n"
        ".hidden floor_begin\n"
        "floor_begin:\n\t"
        "popq %rax\n\t"
        "popq %rdi\n\t"
        "callq *%rax\n\t"
        "ud2\n"
        ".p2align 5\n"
        ".globl floor_switch\n"
        ".hidden floor_switch\n"
        ".type floor_switch, @function\n"
        "floor_switch:\n\t"
        "pushq %rbp\n\tpushq %rbx\n\tpushq %r12\n\t"
        "pushq %r13\n\tpushq %r14\n\tpushq %r15\n\t"
        "movq %rsp, (%rdi)\n\t"
        "movq %rsi, %rsp\n\t"
        "popq %r15\n\tpopq %r14\n\tpopq %r13\n\t"
        "popq %r12\n\tpopq %rbx\n\tpopq %rbp\n\t" FLOOR_GO
        ".size floor_switch, . - floor_switch\n");

/* What floor_begin pops; rsp is a multiple of 16 by then. */
static inline void **floor_call(void *stack, void *fn, void *arg)
{
    void **top = stack;

    *--top = arg;
    *--top = fn;
    return top;
}

/* What floor_switch() pops: a context is ready to be switched to. */
static inline void *floor_ready(void **top)
{
    *--top = floor_begin;
    for (int i = 0; i < 6; i++)
        *--top = NULL;
    return top;
}

#endif /* BENCH_CORO_BARE_SWITCH_H */
