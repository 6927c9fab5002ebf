/* SPDX-License-Identifier: MIT */
/*
 * sys/ctx_x86_64.h - the switch on x86-64.
 *
 * Offsets in the assembly: sp 0, pc 8, fp 16. rbp may be the frame pointer of
 * the function around it and cannot be clobbered, so it is saved by hand. The
 * landing place has an endbr64, as the target of any indirect jump.
 */
#ifndef THRUMI_SYS_CTX_X86_64_H
#define THRUMI_SYS_CTX_X86_64_H

#define THRUMI_CTX_WALK 1

struct thrumi_ctx {
    void *sp;
    void *pc; /* NULL while it runs */
    void *fp;
};

/* There are more registers where the compiler may use them. */
#ifdef __AVX512F__
# define THRUMI_CTX_CLOBBERS_512                                              \
  , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",   \
      "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", \
      "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
# define THRUMI_CTX_CLOBBERS_512
#endif

#define THRUMI_CTX_CLOBBERS                                                  \
 "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", \
     "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
     "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)",    \
     "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "cc",             \
     "memory" THRUMI_CTX_CLOBBERS_512

/* Stops here, to go on when somebody switches to `from`, and lets `to` go on,
 * at `pc`, which was its. Returns the word of whoever switches back. */
static inline __attribute__((always_inline)) void *
thrumi_ctx_switch(struct thrumi_ctx *from, const struct thrumi_ctx *to,
                  void *pc, void *word)
{
    __asm__ volatile("leaq 1f(%%rip), %%rcx\n\t"
                     "movq %%rsp, 0(%%rdi)\n\t"
                     "movq %%rbp, 16(%%rdi)\n\t"
                     "movq %%rcx, 8(%%rdi)\n\t"
                     "movq 0(%%rsi), %%rsp\n\t"
                     "movq 16(%%rsi), %%rbp\n\t"
                     "jmpq *%%rdx\n"
                     "1:\tendbr64"
                     : "+a"(word), "+D"(from), "+S"(to), "+d"(pc)
                     :
                     : THRUMI_CTX_CLOBBERS);
    return word;
}

/* The same without coming back. */
static inline __attribute__((always_inline, noreturn)) void
thrumi_ctx_jump(const struct thrumi_ctx *to, void *pc, void *word)
{
    __asm__ volatile("movq 0(%%rsi), %%rsp\n\t"
                     "movq 16(%%rsi), %%rbp\n\t"
                     "jmpq *%%rdx"
                     :
                     : "a"(word), "S"(to), "d"(pc)
                     : "memory");
    __builtin_unreachable();
}

/* See ctx.h. */
#define THRUMI_CTX_HOP 1
int thrumi_ctx_hop(struct thrumi_ctx *from, const struct thrumi_ctx *to,
                   void *pc, int rc);
extern char thrumi_ctx_hopped[] __attribute__((visibility("hidden")));
extern char thrumi_ctx_landing[] __attribute__((visibility("hidden")));

#endif /* THRUMI_SYS_CTX_X86_64_H */
