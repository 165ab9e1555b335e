# aegis_changed_guard(<file> <name> <text> <replacement>): a copy of the driver's exception guard under another name in
# which <text>, a regular expression that occurs once, is something else.
function(aegis_changed_guard file name text replacement)
    set(source ${PROJECT_SOURCE_DIR}/driver/consumers/mapping_guard_x64.S)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    file(READ ${source} original)
    string(REGEX REPLACE "${text}" "${replacement}" changed "${original}")
    if(changed STREQUAL original)
        message(FATAL_ERROR "${source} has no \"${text}\" any more: tell tests/windows what to change in the guard")
    endif()
    string(REPLACE AegisGuardedMapLockedPages ${name} changed "${changed}")
    file(CONFIGURE OUTPUT ${file} CONTENT "${changed}" @ONLY)
endfunction()
