# Google Benchmark for a cross build. The distribution has no package of it for Windows, but it has the source, and that
# cross-compiles. Where the source cannot be had, benchmark::benchmark stays undefined and each build says what to do.

set(AEGIS_GOOGLE_BENCHMARK_SOURCE ${CMAKE_BINARY_DIR}/google-benchmark CACHE PATH
    "Source of Google Benchmark for cross builds")

if(NOT EXISTS ${AEGIS_GOOGLE_BENCHMARK_SOURCE}/CMakeLists.txt)
    execute_process(
        COMMAND ${PROJECT_SOURCE_DIR}/cmake/fetch-google-benchmark.sh ${AEGIS_GOOGLE_BENCHMARK_SOURCE}
        RESULT_VARIABLE fetched OUTPUT_VARIABLE fetch_log ERROR_VARIABLE fetch_log)
    if(NOT fetched EQUAL 0)
        string(STRIP "${fetch_log}" fetch_log)
        message(STATUS "${fetch_log}")
        string(REGEX REPLACE ".*\n" "" reason "${fetch_log}")
        string(CONCAT advice
               "AegisBench.exe is not built: the source of Google Benchmark cannot be fetched (${reason}). "
               "Connect to the distribution's mirrors and run 'cmake ${CMAKE_BINARY_DIR}', or unpack the source and run "
               "'cmake -DAEGIS_GOOGLE_BENCHMARK_SOURCE=FOLDER ${CMAKE_BINARY_DIR}'. Then build again.")
        add_custom_target(aegis_bench_left_out ALL COMMAND ${CMAKE_COMMAND} -E echo ${advice} VERBATIM)
        add_dependencies(windows_artifacts aegis_bench_left_out)
        return()
    endif()
endif()

set(BENCHMARK_ENABLE_TESTING OFF)
set(BENCHMARK_ENABLE_GTEST_TESTS OFF)
set(BENCHMARK_ENABLE_INSTALL OFF)
set(BENCHMARK_INSTALL_DOCS OFF)
set(BENCHMARK_ENABLE_WERROR OFF)
# The library sets a policy version of its own; without this it would ignore the variables above.
set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)
# A cross build cannot run the check; the standard library of mingw-w64 has it.
set(HAVE_STD_REGEX 1 CACHE INTERNAL "")
set(RUN_HAVE_STD_REGEX 1 CACHE INTERNAL "")
set(HAVE_STEADY_CLOCK 1 CACHE INTERNAL "")
add_subdirectory(${AEGIS_GOOGLE_BENCHMARK_SOURCE} ${CMAKE_BINARY_DIR}/google-benchmark-build EXCLUDE_FROM_ALL SYSTEM)
target_compile_options(benchmark PRIVATE -w)
