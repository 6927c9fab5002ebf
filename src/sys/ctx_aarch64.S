/* SPDX-License-Identifier: MIT */
/*
 * sys/ctx_aarch64.S - where a new stack begins, and a look at another one.
 *
 * No note about guarded control stacks is in this file, on purpose: they know
 * nothing of the switch, and the linker then leaves them off for the library.
 */

#define CTX_FP 16
#define CTX_PC 8

/* DWARF 5, sections 6.4.2 and 7.24 */
#define DW_CFA_def_cfa_expression 0x0f
#define DW_CFA_expression 0x10
#define DW_OP_deref 0x06
#define DW_OP_breg_x19 0x83
#define DW_REG_x29 29
#define DW_REG_x30 30

    .text

/* The stack pointer is at a word that holds the function to call; x0 has what
 * to call it with. Nobody called this: an unwinder ends here. The call is made
 * by hand, as it never returns: the processor's stack of returns would have an
 * entry too many from then on. */
    .globl thrumi_ctx_entry
    .hidden thrumi_ctx_entry
    .type thrumi_ctx_entry, %function
    .p2align 4
thrumi_ctx_entry:
    .cfi_startproc
    .cfi_undefined x30
    hint #38 /* bti jc */
    mov x29, #0
    ldr x17, [sp]
    adr x30, 1f
    br x17
    nop
1:  brk #1
    .cfi_endproc
    .size thrumi_ctx_entry, . - thrumi_ctx_entry

/* void thrumi_ctx_walk(const struct thrumi_ctx *ctx, void (*fn)(void *arg),
 *                      void *arg)
 * During the call, the unwind information says: the caller's stack pointer is
 * *ctx, its place in the code at ctx + 8, its frame pointer at ctx + 16. */
    .globl thrumi_ctx_walk
    .hidden thrumi_ctx_walk
    .type thrumi_ctx_walk, %function
    .p2align 4
thrumi_ctx_walk:
    .cfi_startproc
    hint #34 /* bti c */
    stp x29, x30, [sp, #-32]!
    .cfi_adjust_cfa_offset 32
    .cfi_rel_offset x29, 0
    .cfi_rel_offset x30, 8
    str x19, [sp, #16]
    .cfi_rel_offset x19, 16
    mov x29, sp
    mov x19, x0
    mov x9, x1
    mov x0, x2
    .cfi_remember_state
    .cfi_escape DW_CFA_def_cfa_expression, 3, DW_OP_breg_x19, 0, DW_OP_deref
    .cfi_escape DW_CFA_expression, DW_REG_x30, 2, DW_OP_breg_x19, CTX_PC
    .cfi_escape DW_CFA_expression, DW_REG_x29, 2, DW_OP_breg_x19, CTX_FP
    blr x9
    .cfi_restore_state
    ldr x19, [sp, #16]
    ldp x29, x30, [sp], #32
    .cfi_adjust_cfa_offset -32
    .cfi_restore x19
    .cfi_restore x29
    .cfi_restore x30
    ret
    .cfi_endproc
    .size thrumi_ctx_walk, . - thrumi_ctx_walk

    .section .note.GNU-stack, "", %progbits
