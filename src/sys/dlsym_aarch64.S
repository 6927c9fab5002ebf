/* SPDX-License-Identifier: MIT */
/*
 * sys/dlsym_aarch64.S - dlsym() in the name of its caller.
 *
 * void *thrumi_hook_dlsym(void *handle, const char *name)
 *
 * dlsym() looks at its return address to see who asks. So it is not called from
 * here but jumped to, with the stack as it came; unless thrumi_dlsym_answer()
 * has an answer.
 */
    .text
    .globl thrumi_hook_dlsym
    .hidden thrumi_hook_dlsym
    .type thrumi_hook_dlsym, %function
    .p2align 4
thrumi_hook_dlsym:
    .cfi_startproc
    hint #34 /* bti c */
    stp x29, x30, [sp, #-32]!
    .cfi_adjust_cfa_offset 32
    .cfi_rel_offset x29, 0
    .cfi_rel_offset x30, 8
    mov x29, sp
    stp x0, x1, [sp, #16]
    bl thrumi_dlsym_answer
    mov x16, x0
    ldp x0, x1, [sp, #16]
    ldp x29, x30, [sp], #32
    .cfi_adjust_cfa_offset -32
    .cfi_restore x29
    .cfi_restore x30
    cbnz x16, 1f
    adrp x17, thrumi_dlsym_original
    ldr x16, [x17, #:lo12:thrumi_dlsym_original]
    br x16
1:  mov x0, x16
    ret
    .cfi_endproc
    .size thrumi_hook_dlsym, . - thrumi_hook_dlsym

    .section .note.GNU-stack, "", %progbits
