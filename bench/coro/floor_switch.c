/* SPDX-License-Identifier: MIT */
/*
 * coro/floor_switch.c - the least that a switch on x86-64 can be.
 *
 *     FLOOR=1  floor-ret     a function: pushes six registers, changes rsp,
 *                            pops six, returns
 *     FLOOR=2  floor-jmp     the same, but pops its return address and jumps
 *     FLOOR=3  floor-inline  no function: stores rsp, rbp and where it goes on,
 *                            jumps; the compiler saves what it has in use
 *
 * No states, no errors, no values, no hooks. Other processors: exit status 77.
 */
#include "coro/harness.h"

#if defined(__x86_64__)

# define FLOOR_RET    1
# define FLOOR_JMP    2
# define FLOOR_INLINE 3

# if FLOOR == FLOOR_JMP
#  define FLOOR_GO "popq %rcx\n\tjmpq *%rcx\n"
# endif

# include "coro/bare_switch.h"
# include "coro/stacks.h"

# if FLOOR == FLOOR_INLINE

/* context: rsp, where it goes on, rbp */
static inline __attribute__((always_inline)) void
peer_switch(struct bench_coro *from, struct bench_coro *to)
{
    void **save = from->context, **load = to->context;

    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rsp, 0(%0)\n\t"
                     "movq %%rax, 8(%0)\n\t"
                     "movq %%rbp, 16(%0)\n\t"
                     "movq 0(%1), %%rsp\n\t"
                     "movq 16(%1), %%rbp\n\t"
                     "jmpq *8(%1)\n"
                     "1:"
                     : "+D"(save), "+S"(load)
                     :
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11",
                       "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2",
                       "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                       "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
                       "cc", "memory");
}

static inline void floor_lay_out(struct bench_coro *coro, void **top)
{
    coro->context[0] = top;
    coro->context[1] = floor_begin;
    coro->context[2] = NULL;
}

# else

static inline void peer_switch(struct bench_coro *from, struct bench_coro *to)
{
    floor_switch(from->context, to->context[0]);
}

static inline void floor_lay_out(struct bench_coro *coro, void **top)
{
    coro->context[0] = floor_ready(top);
}

# endif

static void floor_main(struct bench_coro *self);

static inline void peer_make(struct bench_coro *coro)
{
    coro->stack = stacks_take();
    floor_lay_out(coro, floor_call(coro->stack, (void *)floor_main, coro));
}

static inline void peer_finish(struct bench_coro *coro);

# include "coro/ring.h"

static void floor_main(struct bench_coro *self)
{
    self->body(self);
    peer_switch(self, &ring_main);
}

static inline void peer_finish(struct bench_coro *coro)
{
    peer_switch(&ring_main, coro);
    stacks_give(coro->stack);
}

# include "coro/pull.h"

const struct bench_peer bench_peer = {RING_PEER, PULL_PEER};

#else

const struct bench_peer bench_peer = {.most = 0};

#endif
