/*
 * aegis_raising_map_locked_pages: MmMapLockedPagesSpecifyCache in NT's calling convention. See raising_call.hpp.
 *
 * Frame, from the stack pointer up: the callee's register home (0x20), arguments 5 to 8, the word that takes the
 * address to go on at; then the return address.
 */
    .text
    .globl  aegis_raising_map_locked_pages
    .type   aegis_raising_map_locked_pages, @function
aegis_raising_map_locked_pages:
    .cfi_startproc
    subq    $0x48, %rsp
    .cfi_adjust_cfa_offset 0x48
    movl    0x70(%rsp), %eax
    movl    %eax, 0x20(%rsp)
    movl    0x78(%rsp), %eax
    movl    %eax, 0x28(%rsp)
    movq    0x48(%rsp), %rax
    movq    %rax, 0x30(%rsp)
    leaq    0x40(%rsp), %rax
    movq    %rax, 0x38(%rsp)
    call    aegis_map_or_raise
    movq    0x40(%rsp), %r10
    addq    $0x48, %rsp
    .cfi_adjust_cfa_offset -0x48
    testq   %r10, %r10
    jnz     .Lraised
    ret
.Lraised:
    /*
     * The block that catches runs with the stack pointer of its function's body, just above the return address.
     * Nothing to restore beside that: aegis_map_or_raise has returned, so the registers it must preserve, which are
     * those a block may rely on, are as they were.
     */
    addq    $8, %rsp
    jmp     *%r10
    .cfi_endproc
    .size   aegis_raising_map_locked_pages, . - aegis_raising_map_locked_pages
    .section .note.GNU-stack, "", @progbits
