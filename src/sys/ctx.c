/* SPDX-License-Identifier: MIT */
/*
 * sys/ctx.c - making a context, and what there is of the switch by ucontext.
 */
#include "sys/ctx.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "sys/fault.h"

#if defined(__x86_64__)
uint64_t thrumi_ctx_float_control(void)
{
    uint32_t mxcsr;
    uint16_t x87;

    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return (uint64_t)x87 << 32 | (mxcsr & ~(uint32_t)0x3f); /* not the flags */
}
#elif defined(__aarch64__)
uint64_t thrumi_ctx_float_control(void)
{
    uint64_t fpcr;

    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return fpcr;
}
#else
uint64_t thrumi_ctx_float_control(void)
{
    return 0;
}
#endif

#if THRUMI_CTX_WALK
extern char thrumi_ctx_entry[] __attribute__((visibility("hidden")));

void thrumi_ctx_init(struct thrumi_ctx *ctx, void *low, void *top,
                     thrumi_ctx_main *main)
{
    uintptr_t aligned = (uintptr_t)top & ~(uintptr_t)15;
    void **sp = (void **)(aligned - 16);

    (void)low;
    sp[0] = (void *)(uintptr_t)main;
    sp[1] = NULL;
    ctx->sp = sp;
    ctx->fp = NULL;
    ctx->pc = thrumi_ctx_entry;
}
#else
/* makecontext() passes ints. */
static void ctx_entry(unsigned high, unsigned low)
{
    struct thrumi_ctx *ctx =
        (struct thrumi_ctx *)((uintptr_t)high << 16 << 16 | low);

    ctx->main(ctx->word);
}

void thrumi_ctx_init(struct thrumi_ctx *ctx, void *low, void *top,
                     thrumi_ctx_main *main)
{
    uintptr_t self = (uintptr_t)ctx;

    getcontext(&ctx->saved);
    ctx->saved.uc_stack.ss_sp = low;
    ctx->saved.uc_stack.ss_size = (size_t)((char *)top - (char *)low);
    ctx->saved.uc_link = NULL;
    ctx->main = main;
    ctx->pc = ctx;
    makecontext(&ctx->saved, (void (*)(void))ctx_entry, 2,
                (unsigned)(self >> 16 >> 16), (unsigned)self);
}

/* Neither stack can be trusted after a switch that failed. */
__attribute__((noreturn)) static void ctx_failed(const char *call)
{
    fprintf(stderr, "thrum: %s failed: a stack cannot be gone on with\n", call);
    abort();
}

/* The mask that ucontext sets is the one that there is: it is the thread's, as
 * with the other switches, and not that of a stack. */
static void ctx_keep_mask(struct thrumi_ctx *target)
{
    (void)pthread_sigmask(SIG_SETMASK, NULL, &target->saved.uc_sigmask);
}

void *thrumi_ctx_switch(struct thrumi_ctx *from, const struct thrumi_ctx *to,
                        void *pc, void *word)
{
    struct thrumi_ctx *target = (struct thrumi_ctx *)(uintptr_t)to;

    ctx_keep_mask(target);
    target->word = word;
    from->pc = pc;
    if (thrumi_fault("swapcontext") ||
        swapcontext(&from->saved, &to->saved) != 0)
        ctx_failed("swapcontext");
    return from->word;
}

void thrumi_ctx_jump(const struct thrumi_ctx *to, void *pc, void *word)
{
    struct thrumi_ctx *target = (struct thrumi_ctx *)(uintptr_t)to;

    (void)pc;
    ctx_keep_mask(target);
    target->word = word;
    setcontext(&to->saved);
    ctx_failed("setcontext");
}

void thrumi_ctx_walk(const struct thrumi_ctx *ctx, void (*fn)(void *arg),
                     void *arg)
{
    (void)ctx;
    (void)fn;
    (void)arg;
}
#endif
