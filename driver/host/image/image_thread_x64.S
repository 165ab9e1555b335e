/*
 * The crossings between the thread's own stack and the one an image's code runs on. See image_thread.hpp.
 *
 * aegis_host_stack, one word per thread: the thread's own stack pointer while an image's code runs on the kernel stack,
 * else 0.
 */

/* PreservedRegisters at \to. */
    .macro  store_preserved to
    movq    %rbx, 0x00(\to)
    movq    %rbp, 0x08(\to)
    movq    %rsi, 0x10(\to)
    movq    %rdi, 0x18(\to)
    movq    %r12, 0x20(\to)
    movq    %r13, 0x28(\to)
    movq    %r14, 0x30(\to)
    movq    %r15, 0x38(\to)
    movups  %xmm6, 0x40(\to)
    movups  %xmm7, 0x50(\to)
    movups  %xmm8, 0x60(\to)
    movups  %xmm9, 0x70(\to)
    movups  %xmm10, 0x80(\to)
    movups  %xmm11, 0x90(\to)
    movups  %xmm12, 0xA0(\to)
    movups  %xmm13, 0xB0(\to)
    movups  %xmm14, 0xC0(\to)
    movups  %xmm15, 0xD0(\to)
    .endm

/*
 * std::uint64_t aegis_run_on_stack(routine, arguments[4], top, PreservedRegisters before_and_after[2])
 * System V convention. `top` is a multiple of 16.
 */
    .text
    .globl  aegis_run_on_stack
    .type   aegis_run_on_stack, @function
aegis_run_on_stack:
    .cfi_startproc
    pushq   %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    movq    %rsp, %rbp
    .cfi_def_cfa_register %rbp
    pushq   %rbx
    .cfi_offset %rbx, -24
    pushq   %r12
    .cfi_offset %r12, -32
    pushq   %r13
    .cfi_offset %r13, -40
    pushq   %r14
    .cfi_offset %r14, -48
    pushq   %r15
    .cfi_offset %r15, -56
    subq    $0x08, %rsp
    pushq   %rcx
    movq    aegis_host_stack@gottpoff(%rip), %r11
    pushq   %fs:(%r11)
    movq    %rsp, %fs:(%r11)
    store_preserved %rcx
    movq    %rdi, %rax
    movq    %rdx, %r10
    movq    0x18(%rsi), %r9
    movq    0x10(%rsi), %r8
    movq    0x08(%rsi), %rdx
    movq    0x00(%rsi), %rcx
    /* The callee's register home. */
    leaq    -0x20(%r10), %rsp
    call    *%rax
    .globl  aegis_run_on_stack_returned
aegis_run_on_stack_returned:
    /* Nothing that the image should have preserved is relied on: the caller compares it. */
    movq    aegis_host_stack@gottpoff(%rip), %r11
    movq    %fs:(%r11), %r10
    movq    0x08(%r10), %rcx
    addq    $0xE0, %rcx
    store_preserved %rcx
    movq    %r10, %rsp
    popq    %fs:(%r11)
    addq    $0x10, %rsp
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbx
    popq    %rbp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size   aegis_run_on_stack, . - aegis_run_on_stack

/*
 * aegis_call_executive: what every import of a function goes through. NT's convention, with the function in rax.
 *
 * The frame on the thread's own stack, from the stack pointer up: room for sixteen arguments with their register home
 * (0xA0), the arguments in registers (0x20 general, 0x40 xmm), the function, aegis_host_stack as it was, the ExecutiveCall.
 */
    .set    arguments, 0xA0
    .set    function, arguments + 0x60
    .set    host_stack, function + 0x08
    .set    executive_call, host_stack + 0x08
    .set    stack_pointer, executive_call + 0xE0
    .set    resume_at, executive_call + 0xE8
    .set    frame_bytes, executive_call + 0x100
    .globl  aegis_call_executive
    .type   aegis_call_executive, @function
aegis_call_executive:
    .cfi_startproc
    movq    aegis_host_stack@gottpoff(%rip), %r11
    movq    %fs:(%r11), %r10
    testq   %r10, %r10
    jnz     1f
    jmp     *%rax
1:  pushq   %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    movq    $0, %fs:(%r11)
    leaq    -frame_bytes(%r10), %r11
    leaq    executive_call(%r11), %r10
    store_preserved %r10
    movq    %rsp, %rbp
    .cfi_def_cfa_register %rbp
    leaq    0x08(%rbp), %r10
    movq    %r10, stack_pointer(%r11)
    movq    %r11, %rsp
    leaq    frame_bytes(%r11), %r10
    movq    %r10, host_stack(%rsp)
    movq    %rax, function(%rsp)
    movq    %rcx, arguments+0x00(%rsp)
    movq    %rdx, arguments+0x08(%rsp)
    movq    %r8, arguments+0x10(%rsp)
    movq    %r9, arguments+0x18(%rsp)
    movups  %xmm0, arguments+0x20(%rsp)
    movups  %xmm1, arguments+0x30(%rsp)
    movups  %xmm2, arguments+0x40(%rsp)
    movups  %xmm3, arguments+0x50(%rsp)
    leaq    executive_call(%rsp), %rcx
    call    aegis_enter_executive

    /* The arguments that travel on the stack: above rbp, the return address and the register home. */
    xorl    %ecx, %ecx
2:  movq    0x30(%rbp,%rcx,8), %r10
    movq    %r10, 0x20(%rsp,%rcx,8)
    incl    %ecx
    cmpl    $16, %ecx
    jne     2b
    movq    arguments+0x00(%rsp), %rcx
    movq    arguments+0x08(%rsp), %rdx
    movq    arguments+0x10(%rsp), %r8
    movq    arguments+0x18(%rsp), %r9
    movups  arguments+0x20(%rsp), %xmm0
    movups  arguments+0x30(%rsp), %xmm1
    movups  arguments+0x40(%rsp), %xmm2
    movups  arguments+0x50(%rsp), %xmm3
    call    *function(%rsp)

    movq    %rax, function(%rsp)
    leaq    executive_call(%rsp), %rcx
    call    aegis_leave_executive
    movq    function(%rsp), %rax
    movq    resume_at(%rsp), %r10
    movq    host_stack(%rsp), %rcx
    movq    aegis_host_stack@gottpoff(%rip), %r11
    movq    %rcx, %fs:(%r11)
    movq    %rbp, %rsp
    popq    %rbp
    .cfi_def_cfa %rsp, 8
    testq   %r10, %r10
    jnz     3f
    ret
    /*
     * The block that catches runs with the stack pointer that its function had at the call. The executive has
     * returned, so the registers it must preserve, which are those a block may rely on, are as they were.
     */
3:  addq    $0x08, %rsp
    jmp     *%r10
    .cfi_endproc
    .size   aegis_call_executive, . - aegis_call_executive
    .section .note.GNU-stack, "", @progbits
