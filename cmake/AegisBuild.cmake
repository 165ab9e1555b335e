# Build options and the flags every target shares.

option(AEGIS_BUILD_TESTS "Build the tests" ON)
option(AEGIS_BUILD_BENCH "Build the benchmarks" OFF)
option(AEGIS_FAST_BUILD "Compile several files at once: for configurations that only tests use" OFF)
set(AEGIS_SANITIZE "" CACHE STRING "Sanitizers for every target: empty, address,undefined or thread")
set(AEGIS_TEST_PREFIX "" CACHE STRING "What the names of this tree's tests start with")

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Werror>")

if(AEGIS_FAST_BUILD)
    set(CMAKE_UNITY_BUILD ON)
    set(CMAKE_UNITY_BUILD_BATCH_SIZE 12)
endif()

if(AEGIS_SANITIZE)
    add_compile_options(-fsanitize=${AEGIS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${AEGIS_SANITIZE})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
        add_compile_options(-fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/cmake/sanitizer-ignorelist.txt)
    endif()
endif()

include(AegisLibraries)
if(WIN32)
    include(AegisWindows)
endif()
if(AEGIS_BUILD_TESTS)
    include(AegisTest)
endif()
