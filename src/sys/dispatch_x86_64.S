/* SPDX-License-Identifier: MIT */
/*
 * sys/dispatch_x86_64.S - the one system call that is always let through.
 *
 * What handlers of sys/dispatch.c return to. The kernel looks at the address
 * behind the instruction, so there has to be something of ours there. The bytes
 * are those by which debuggers and unwinders know the frame of a signal.
 */
    .text
    .globl thrumi_dispatch_return
    .hidden thrumi_dispatch_return
    .globl thrumi_dispatch_return_end
    .hidden thrumi_dispatch_return_end
    .type thrumi_dispatch_return, @function
    .p2align 4
    nop /* unwinders look one byte before */
thrumi_dispatch_return:
    movq $15, %rax
    syscall
    ud2
thrumi_dispatch_return_end:
    .size thrumi_dispatch_return, . - thrumi_dispatch_return

    .section .note.GNU-stack, "", @progbits
