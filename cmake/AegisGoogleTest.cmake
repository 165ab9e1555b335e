# GTest::gtest, GTest::gtest_main, GTest::gmock and GTest::gmock_main.
#
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
