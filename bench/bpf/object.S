# The compiled BPF program, as data of the benchmark program.
    .section .rodata
    .balign 8
    .globl aegis_bench_bpf_object
    .globl aegis_bench_bpf_object_end
aegis_bench_bpf_object:
    .incbin AEGIS_BENCH_BPF_OBJECT
aegis_bench_bpf_object_end:
    .section .note.GNU-stack,"",@progbits
