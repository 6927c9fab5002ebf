/* SPDX-License-Identifier: MIT */
/*
 * sys/ctx_x86_64.S - where a new stack begins, and a look at another one.
 *
 * No note about shadow stacks is in this file, on purpose: they know nothing of
 * the switch, and the linker then leaves them off for the whole library.
 */

#define CTX_FP 16
#define CTX_PC 8

/* DWARF 5, sections 6.4.2 and 7.24 */
#define DW_CFA_def_cfa_expression 0x0f
#define DW_CFA_expression 0x10
#define DW_OP_deref 0x06
#define DW_OP_breg_rbx 0x73
#define DW_REG_rbp 6
#define DW_REG_rip 16

    .text

/* The stack pointer is at a word that holds the function to call; rax has what
 * to call it with. Nobody called this: an unwinder ends here. The call is made
 * by hand, as it never returns: the processor's stack of returns would have an
 * entry too many from then on. */
    .globl thrumi_ctx_entry
    .hidden thrumi_ctx_entry
    .type thrumi_ctx_entry, @function
    .p2align 4
thrumi_ctx_entry:
    .cfi_startproc
    .cfi_undefined rip
    endbr64
    movq %rax, %rdi
    xorl %ebp, %ebp
    movq (%rsp), %rdx
    leaq ctx_entry_returns(%rip), %rcx
    pushq %rcx
    .cfi_adjust_cfa_offset 8
    jmpq *%rdx
    nop
ctx_entry_returns:
    ud2
    .cfi_endproc
    .size thrumi_ctx_entry, . - thrumi_ctx_entry

/* void thrumi_ctx_walk(const struct thrumi_ctx *ctx, void (*fn)(void *arg),
 *                      void *arg)
 * During the call, the unwind information says: the caller's stack pointer is
 * *ctx, its place in the code at ctx + 8, its frame pointer at ctx + 16. */
    .globl thrumi_ctx_walk
    .hidden thrumi_ctx_walk
    .type thrumi_ctx_walk, @function
    .p2align 4
thrumi_ctx_walk:
    .cfi_startproc
    endbr64
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbx, 0
    movq %rdi, %rbx
    movq %rdx, %rdi
    .cfi_remember_state
    .cfi_escape DW_CFA_def_cfa_expression, 3, DW_OP_breg_rbx, 0, DW_OP_deref
    .cfi_escape DW_CFA_expression, DW_REG_rip, 2, DW_OP_breg_rbx, CTX_PC
    .cfi_escape DW_CFA_expression, DW_REG_rbp, 2, DW_OP_breg_rbx, CTX_FP
    callq *%rsi
    .cfi_restore_state
    popq %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore rbx
    retq
    .cfi_endproc
    .size thrumi_ctx_walk, . - thrumi_ctx_walk

/* int thrumi_ctx_hop(struct thrumi_ctx *from, const struct thrumi_ctx *to,
 *                    void *pc, int rc)
 * Stops in `from`, as a call that will return, and goes on in `to`, at `pc`. */
    .globl thrumi_ctx_hop
    .hidden thrumi_ctx_hop
    .type thrumi_ctx_hop, @function
    .globl thrumi_ctx_hopped
    .hidden thrumi_ctx_hopped
    .globl thrumi_ctx_landing
    .hidden thrumi_ctx_landing
    .p2align 4
thrumi_ctx_hop:
    .cfi_startproc
    endbr64
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbp, 0
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbx, 0
    pushq %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r12, 0
    pushq %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r13, 0
    pushq %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r14, 0
    pushq %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r15, 0
    leaq thrumi_ctx_hopped(%rip), %r8
    movl %ecx, %eax
    movq %rsp, (%rdi)
    movq %r8, CTX_PC(%rdi)
    movq (%rsi), %rsp
    cmpq %r8, %rdx
    jne ctx_not_hopped
thrumi_ctx_hopped:
    endbr64
    .cfi_remember_state
    popq %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore r15
    popq %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore r14
    popq %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore r13
    popq %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore r12
    popq %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore rbx
    popq %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore rbp
    popq %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register rip, rcx
    jmpq *%rcx
    .cfi_restore_state
ctx_not_hopped:
    movq CTX_FP(%rsi), %rbp
    jmpq *%rdx
thrumi_ctx_landing:
    endbr64
    subq $8, %rsp
    .cfi_adjust_cfa_offset 8
    callq thrumi_strand_land
    addq $8, %rsp
    .cfi_adjust_cfa_offset -8
    jmp thrumi_ctx_hopped
    .cfi_endproc
    .size thrumi_ctx_hop, . - thrumi_ctx_hop

    .section .note.GNU-stack, "", @progbits
