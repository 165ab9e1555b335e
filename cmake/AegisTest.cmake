# GoogleTest, and aegis_add_test().

# Natively the distribution's libraries. The distribution has none for Windows but ships the source, and that
# cross-compiles.
if(CMAKE_CROSSCOMPILING)
    set(INSTALL_GTEST OFF)
    set(AEGIS_GOOGLETEST_SOURCE /usr/src/googletest CACHE PATH "Source of GoogleTest for cross builds")
    if(NOT EXISTS ${AEGIS_GOOGLETEST_SOURCE}/CMakeLists.txt)
        message(FATAL_ERROR "GoogleTest's source is missing: install the package googletest")
    endif()
    add_subdirectory(${AEGIS_GOOGLETEST_SOURCE} ${CMAKE_BINARY_DIR}/googletest EXCLUDE_FROM_ALL SYSTEM)
    foreach(library gtest gtest_main gmock gmock_main)
        target_compile_options(${library} PRIVATE -w)
        if(NOT TARGET GTest::${library})
            add_library(GTest::${library} ALIAS ${library})
        endif()
    endforeach()
else()
    find_package(GTest REQUIRED)
endif()

# aegis_add_test(NAME SOURCES… LIBRARIES… [LABELS…] [TIMEOUT seconds])
# One GoogleTest executable, registered with CTest as one test. Cross-built ones run under Wine. Label `system`: tests
# of whole processes against each other; not worth their time under ThreadSanitizer, which sees one process at once.
# Label `slow`: what `make check` leaves to `make test`.
function(aegis_add_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
    if(AEGIS_SANITIZE STREQUAL "thread" AND "system" IN_LIST ARG_LABELS)
        return()
    endif()
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 300)
    endif()
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} GTest::gmock_main)
    if(AEGIS_FAST_BUILD)
        # Test files have helpers of the same names, so they share a header instead of a translation unit.
        set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
        list(LENGTH ARG_SOURCES source_count)
        if(source_count GREATER 3)
            target_precompile_headers(${name} PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
        endif()
    endif()
    set(test ${AEGIS_TEST_PREFIX}${name})
    add_test(NAME ${test} COMMAND ${name})
    set_tests_properties(${test} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
                         ENVIRONMENT "ASAN_OPTIONS=detect_stack_use_after_return=1;TSAN_OPTIONS=halt_on_error=1")
    if(WIN32)
        aegis_run_under_wine(${test})
    endif()
endfunction()
