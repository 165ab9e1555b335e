/*
 * AegisGuardedMapLockedPages: one call inside a __try whose __except returns null. See mapping_guard.h.
 *
 * The frame holds the callee's register home (0x20 bytes), the two arguments that travel on the stack and the
 * padding that keeps the stack 16-byte aligned at the call.
 */
    .text
    .globl  AegisGuardedMapLockedPages
    .def    AegisGuardedMapLockedPages; .scl 2; .type 32; .endef
    .seh_proc AegisGuardedMapLockedPages
AegisGuardedMapLockedPages:
    subq    $0x38, %rsp
    .seh_stackalloc 0x38
    .seh_endprologue
    movl    0x60(%rsp), %eax
    movl    %eax, 0x20(%rsp)
    movl    0x68(%rsp), %eax
    movl    %eax, 0x28(%rsp)
.Ltry_begin:
    call    *__imp_MmMapLockedPagesSpecifyCache(%rip)
    /* The return address of a call that raised must lie inside the guarded range. */
    nop
.Ltry_end:
    addq    $0x38, %rsp
    ret
.Lexcept:
    xorl    %eax, %eax
    addq    $0x38, %rsp
    ret
    .seh_handler __C_specific_handler, @except
    .seh_handlerdata
    .long   1                   /* one scope */
    .rva    .Ltry_begin
    .rva    .Ltry_end
    .long   1                   /* filter: EXCEPTION_EXECUTE_HANDLER */
    .rva    .Lexcept
    .text
    .seh_endproc
