# The BPF ring buffer as a rival, where a compiler for BPF and libbpf are there; a stub that says so, where not.

find_program(AEGIS_BPF_CLANG clang)
find_library(AEGIS_LIBBPF bpf)
mark_as_advanced(AEGIS_BPF_CLANG AEGIS_LIBBPF)

add_library(aegis_bench_bpf STATIC)
target_link_libraries(aegis_bench_bpf PUBLIC aegis_bench_support)
if(AEGIS_BPF_CLANG AND AEGIS_LIBBPF)
    set(bpf_object ${CMAKE_CURRENT_BINARY_DIR}/publish.bpf.o)
    add_custom_command(
        OUTPUT ${bpf_object}
        COMMAND ${AEGIS_BPF_CLANG} -target bpf -O2 -g -Wall -Werror -I${CMAKE_CURRENT_SOURCE_DIR}
                -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -c ${CMAKE_CURRENT_SOURCE_DIR}/bpf/publish.bpf.c
                -o ${bpf_object}
        DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/bpf/publish.bpf.c ${CMAKE_CURRENT_SOURCE_DIR}/bpf/publish.h
        VERBATIM)
    target_sources(aegis_bench_bpf PRIVATE bpf/bpf_ring.cpp bpf/object.S)
    set_source_files_properties(bpf/object.S PROPERTIES
        COMPILE_DEFINITIONS AEGIS_BENCH_BPF_OBJECT="${bpf_object}" OBJECT_DEPENDS ${bpf_object})
    target_link_libraries(aegis_bench_bpf PRIVATE ${AEGIS_LIBBPF})
else()
    target_sources(aegis_bench_bpf PRIVATE bpf/bpf_ring_none.cpp)
endif()
