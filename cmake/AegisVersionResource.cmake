# aegis_version_resource(<target> FILENAME <name> DESCRIPTION <text> FILETYPE <VFT_…> [FILESUBTYPE <VFT2_…>])
# Gives a Windows image the version resource of include/aegis/version.h.
function(aegis_version_resource target)
    cmake_parse_arguments(ARG "" "FILENAME;DESCRIPTION;FILETYPE;FILESUBTYPE" "" ${ARGN})
    if(NOT ARG_FILESUBTYPE)
        set(ARG_FILESUBTYPE VFT2_UNKNOWN)
    endif()
    set(resource ${CMAKE_CURRENT_BINARY_DIR}/${target}.rc)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/version.rc.in ${resource} @ONLY)
    # windres does not follow #include when CMake looks for dependencies.
    set_source_files_properties(${resource} PROPERTIES OBJECT_DEPENDS ${PROJECT_SOURCE_DIR}/include/aegis/version.h
                                INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/include)
    target_sources(${target} PRIVATE ${resource})
endfunction()
