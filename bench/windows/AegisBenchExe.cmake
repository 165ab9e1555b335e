# AegisBench.exe: the benchmarks that need no Linux, and those of the driver.

include(AegisGoogleBenchmark)
if(NOT TARGET benchmark::benchmark)
    return()
endif()

aegis_header_library(concurrentqueue libconcurrentqueue-dev "" concurrentqueue)
aegis_header_library(readerwriterqueue libreaderwriterqueue-dev "" readerwriterqueue)

add_executable(aegis_bench
    micro/ring_benchmarks.cpp
    windows/channel_benchmarks.cpp
    windows/core_choice.cpp
    windows/driver_benchmarks.cpp
    windows/driver_client.cpp
    windows/main.cpp
    windows/page_memory.cpp)
target_include_directories(aegis_bench PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR})
target_link_libraries(aegis_bench PRIVATE
    aegis_ring aegis_agent_port aegis::concurrentqueue aegis::readerwriterqueue benchmark::benchmark)
set_target_properties(aegis_bench PROPERTIES OUTPUT_NAME AegisBench)
aegis_windows_program(aegis_bench DESCRIPTION "Aegis benchmarks")
