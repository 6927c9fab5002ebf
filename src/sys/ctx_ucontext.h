/* SPDX-License-Identifier: MIT */
/*
 * sys/ctx_ucontext.h - the switch by the C library's ucontext.
 *
 * For processors that have no assembly here, and for comparing. It sets the signal
 * mask too, which is to stay as it is: so it costs two system calls each time.
 * There is no walk.
 */
#ifndef THRUMI_SYS_CTX_UCONTEXT_H
#define THRUMI_SYS_CTX_UCONTEXT_H

#include <ucontext.h>

#define THRUMI_CTX_HOP  0
#define THRUMI_CTX_WALK 0

struct thrumi_ctx {
    ucontext_t saved;
    void *pc; /* NULL while it runs */
    thrumi_ctx_main *main;
    void *word;
};

void *thrumi_ctx_switch(struct thrumi_ctx *from, const struct thrumi_ctx *to,
                        void *pc, void *word);
__attribute__((noreturn)) void thrumi_ctx_jump(const struct thrumi_ctx *to,
                                               void *pc, void *word);

#endif /* THRUMI_SYS_CTX_UCONTEXT_H */
