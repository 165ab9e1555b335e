# What Windows builds share: the oldest system, programs without runtime DLLs, and Wine to run them.

# Windows 10 1809.
add_compile_definitions(_WIN32_WINNT=0x0A00 NTDDI_VERSION=0x0A000006)
add_link_options(-static)

# All that `make windows` ships: the target builds it, `cmake --install` collects it.
add_custom_target(windows_artifacts)

include(AegisVersionResource)
include(AegisDriver)

# aegis_windows_image(<target> <file> FILETYPE <VFT_…> DESCRIPTION <text>): the version resource, hardening and signature
# of what we ship, and a place in the package.
function(aegis_windows_image target file)
    cmake_parse_arguments(ARG "" "DESCRIPTION;FILETYPE" "" ${ARGN})
    aegis_version_resource(${target} FILENAME ${file} DESCRIPTION ${ARG_DESCRIPTION} FILETYPE ${ARG_FILETYPE})
    target_link_options(${target} PRIVATE -s -Wl,--dynamicbase -Wl,--high-entropy-va -Wl,--nxcompat
                        -Wl,--no-insert-timestamp)
    aegis_sign_in_place(${target})
    add_dependencies(windows_artifacts ${target})
    install(TARGETS ${target} RUNTIME DESTINATION . ARCHIVE DESTINATION lib)
endfunction()

# aegis_windows_program(<target> DESCRIPTION <text>)
function(aegis_windows_program target)
    get_target_property(name ${target} OUTPUT_NAME)
    if(NOT name)
        set(name ${target})
    endif()
    aegis_windows_image(${target} ${name}.exe FILETYPE VFT_APP ${ARGN})
endfunction()

# Programs of this tree run through Wine, in a prefix of the tree's own.
set(AEGIS_WINE_PREFIX ${CMAKE_BINARY_DIR}/wine)
set(CMAKE_CROSSCOMPILING_EMULATOR ${PROJECT_SOURCE_DIR}/tests/windows/under_wine.sh ${AEGIS_WINE_PREFIX})

# Wine tests share one prefix, with its services and its drivers, so they run one at a time.
function(aegis_run_under_wine test)
    set_property(TEST ${test} APPEND PROPERTY LABELS wine)
    set_tests_properties(${test} PROPERTIES RESOURCE_LOCK wine FIXTURES_REQUIRED wine_prefix)
endfunction()
