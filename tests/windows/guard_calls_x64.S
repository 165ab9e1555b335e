/*
 * How mapping_guard_test.cpp calls a guard: with known values in every register that a function must preserve, and
 * inside a __try of its own.
 */

/* PreservedRegisters at \at. */
    .macro  load_preserved at
    movq    0x00(\at), %rbx
    movq    0x08(\at), %rbp
    movq    0x10(\at), %rsi
    movq    0x18(\at), %rdi
    movq    0x20(\at), %r12
    movq    0x28(\at), %r13
    movq    0x30(\at), %r14
    movq    0x38(\at), %r15
    movups  0x40(\at), %xmm6
    movups  0x50(\at), %xmm7
    movups  0x60(\at), %xmm8
    movups  0x70(\at), %xmm9
    movups  0x80(\at), %xmm10
    movups  0x90(\at), %xmm11
    movups  0xA0(\at), %xmm12
    movups  0xB0(\at), %xmm13
    movups  0xC0(\at), %xmm14
    movups  0xD0(\at), %xmm15
    .endm
    .macro  store_preserved at
    movq    %rbx, 0x00(\at)
    movq    %rbp, 0x08(\at)
    movq    %rsi, 0x10(\at)
    movq    %rdi, 0x18(\at)
    movq    %r12, 0x20(\at)
    movq    %r13, 0x28(\at)
    movq    %r14, 0x30(\at)
    movq    %r15, 0x38(\at)
    movups  %xmm6, 0x40(\at)
    movups  %xmm7, 0x50(\at)
    movups  %xmm8, 0x60(\at)
    movups  %xmm9, 0x70(\at)
    movups  %xmm10, 0x80(\at)
    movups  %xmm11, 0x90(\at)
    movups  %xmm12, 0xA0(\at)
    movups  %xmm13, 0xB0(\at)
    movups  %xmm14, 0xC0(\at)
    movups  %xmm15, 0xD0(\at)
    movq    %rsp, 0xE0(\at)
    .endm

/*
 * void* CallGuard(guard, const PreservedRegisters* set, PreservedRegisters before_and_after[2])
 *
 * Frame, from the stack pointer up: the callee's register home (0x20), its arguments 5 and 6, xmm6 to xmm15 (0xA0), the
 * third argument.
 */
    .text
    .globl  CallGuard
    .def    CallGuard; .scl 2; .type 32; .endef
    .seh_proc CallGuard
CallGuard:
    pushq   %rbp
    .seh_pushreg %rbp
    pushq   %rbx
    .seh_pushreg %rbx
    pushq   %rsi
    .seh_pushreg %rsi
    pushq   %rdi
    .seh_pushreg %rdi
    pushq   %r12
    .seh_pushreg %r12
    pushq   %r13
    .seh_pushreg %r13
    pushq   %r14
    .seh_pushreg %r14
    pushq   %r15
    .seh_pushreg %r15
    subq    $0xD8, %rsp
    .seh_stackalloc 0xD8
    movaps  %xmm6, 0x30(%rsp)
    .seh_savexmm %xmm6, 0x30
    movaps  %xmm7, 0x40(%rsp)
    .seh_savexmm %xmm7, 0x40
    movaps  %xmm8, 0x50(%rsp)
    .seh_savexmm %xmm8, 0x50
    movaps  %xmm9, 0x60(%rsp)
    .seh_savexmm %xmm9, 0x60
    movaps  %xmm10, 0x70(%rsp)
    .seh_savexmm %xmm10, 0x70
    movaps  %xmm11, 0x80(%rsp)
    .seh_savexmm %xmm11, 0x80
    movaps  %xmm12, 0x90(%rsp)
    .seh_savexmm %xmm12, 0x90
    movaps  %xmm13, 0xA0(%rsp)
    .seh_savexmm %xmm13, 0xA0
    movaps  %xmm14, 0xB0(%rsp)
    .seh_savexmm %xmm14, 0xB0
    movaps  %xmm15, 0xC0(%rsp)
    .seh_savexmm %xmm15, 0xC0
    .seh_endprologue
    movq    %r8, 0xD0(%rsp)
    movq    %rcx, %rax
    load_preserved %rdx
    store_preserved %r8
    /* The arguments that kGuardArguments of the test names. */
    movl    $0x1111, %ecx
    movl    $1, %edx
    movl    $1, %r8d
    movl    $0x2222, %r9d
    movl    $0x3333, 0x20(%rsp)
    movl    $0x4444, 0x28(%rsp)
    call    *%rax
    .globl  CallGuardReturned
CallGuardReturned:
    movq    0xD0(%rsp), %r8
    addq    $0xE8, %r8
    store_preserved %r8
    movaps  0x30(%rsp), %xmm6
    movaps  0x40(%rsp), %xmm7
    movaps  0x50(%rsp), %xmm8
    movaps  0x60(%rsp), %xmm9
    movaps  0x70(%rsp), %xmm10
    movaps  0x80(%rsp), %xmm11
    movaps  0x90(%rsp), %xmm12
    movaps  0xA0(%rsp), %xmm13
    movaps  0xB0(%rsp), %xmm14
    movaps  0xC0(%rsp), %xmm15
    addq    $0xD8, %rsp
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rdi
    popq    %rsi
    popq    %rbx
    popq    %rbp
    ret
    .seh_endproc

/* bool ReachesCaller(void (*raises)()): true when an exception that `raises` raises is not caught inside it. */
    .globl  ReachesCaller
    .def    ReachesCaller; .scl 2; .type 32; .endef
    .seh_proc ReachesCaller
ReachesCaller:
    subq    $0x28, %rsp
    .seh_stackalloc 0x28
    .seh_endprologue
.Ltry_begin:
    call    *%rcx
    nop
.Ltry_end:
    xorl    %eax, %eax
    addq    $0x28, %rsp
    ret
.Lexcept:
    movl    $1, %eax
    addq    $0x28, %rsp
    ret
    .seh_handler __C_specific_handler, @except
    .seh_handlerdata
    .long   1
    .rva    .Ltry_begin
    .rva    .Ltry_end
    .long   1
    .rva    .Lexcept
    .text
    .seh_endproc
