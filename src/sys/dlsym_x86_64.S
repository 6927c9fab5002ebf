/* SPDX-License-Identifier: MIT */
/*
 * sys/dlsym_x86_64.S - dlsym() in the name of its caller.
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
    .type thrumi_hook_dlsym, @function
    .p2align 4
thrumi_hook_dlsym:
    .cfi_startproc
    endbr64
    pushq %rdi
    .cfi_adjust_cfa_offset 8
    pushq %rsi
    .cfi_adjust_cfa_offset 8
    subq $8, %rsp
    .cfi_adjust_cfa_offset 8
    call thrumi_dlsym_answer
    addq $8, %rsp
    .cfi_adjust_cfa_offset -8
    popq %rsi
    .cfi_adjust_cfa_offset -8
    popq %rdi
    .cfi_adjust_cfa_offset -8
    testq %rax, %rax
    jnz 1f
    movq thrumi_dlsym_original(%rip), %rax
    jmpq *%rax
1:  ret
    .cfi_endproc
    .size thrumi_hook_dlsym, . - thrumi_hook_dlsym

    .section .note.GNU-stack, "", @progbits
