/* SPDX-License-Identifier: MIT */
/*
 * sys/ctx_aarch64.h - the switch on aarch64.
 *
 * Offsets in the assembly: sp 0, pc 8, fp 16. x29 may be the frame pointer of
 * the function around it and cannot be clobbered, so it is saved by hand. The
 * pc is stored with release, so that whoever sees it sees the rest. The landing
 * place is `bti j`, a hint.
 */
#ifndef THRUMI_SYS_CTX_AARCH64_H
#define THRUMI_SYS_CTX_AARCH64_H

#define THRUMI_CTX_HOP  0
#define THRUMI_CTX_WALK 1

struct thrumi_ctx {
    void *sp;
    void *pc; /* NULL while it runs */
    void *fp;
};

#define THRUMI_CTX_CLOBBERS                                                    \
 "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", \
     "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25",     \
     "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6",     \
     "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", \
     "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27",     \
     "v28", "v29", "v30", "v31", "cc", "memory"

/* Stops here, to go on when somebody switches to `from`, and lets `to` go on,
 * at `pc`, which was its. Returns the word of whoever switches back. */
static inline __attribute__((always_inline)) void *
thrumi_ctx_switch(struct thrumi_ctx *from, const struct thrumi_ctx *to,
                  void *pc, void *word)
{
    register void *x0 __asm__("x0") = word;
    register struct thrumi_ctx *x1 __asm__("x1") = from;
    register const struct thrumi_ctx *x2 __asm__("x2") = to;
    register void *x3 __asm__("x3") = pc;

    __asm__ volatile("adr x9, 1f\n\t"
                     "mov x10, sp\n\t"
                     "str x10, [x1]\n\t"
                     "str x29, [x1, #16]\n\t"
                     "add x11, x1, #8\n\t"
                     "stlr x9, [x11]\n\t"
                     "ldr x10, [x2]\n\t"
                     "ldr x29, [x2, #16]\n\t"
                     "mov sp, x10\n\t"
                     "br x3\n"
                     "1:\thint #36"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :
                     : THRUMI_CTX_CLOBBERS);
    return x0;
}

/* The same without coming back. */
static inline __attribute__((always_inline, noreturn)) void
thrumi_ctx_jump(const struct thrumi_ctx *to, void *pc, void *word)
{
    register void *x0 __asm__("x0") = word;
    register const struct thrumi_ctx *x2 __asm__("x2") = to;
    register void *x3 __asm__("x3") = pc;

    __asm__ volatile("ldr x10, [x2]\n\t"
                     "ldr x29, [x2, #16]\n\t"
                     "mov sp, x10\n\t"
                     "br x3"
                     :
                     : "r"(x0), "r"(x2), "r"(x3)
                     : "memory");
    __builtin_unreachable();
}

#endif /* THRUMI_SYS_CTX_AARCH64_H */
