# aegis_add_driver(): a Windows kernel driver built by mingw-w64, test-signed.

include(AegisSigning)

find_package(Python3 REQUIRED COMPONENTS Interpreter)

# What every translation unit of a driver is compiled with, and what a driver is linked with.
add_library(aegis_driver_flags INTERFACE)
target_compile_definitions(aegis_driver_flags INTERFACE
    # Keeps <ntddk.h> from redeclaring what intrin-impl.h already defined.
    __INTRINSIC_DEFINED_InterlockedBitTestAndSet __INTRINSIC_DEFINED_InterlockedBitTestAndReset)
target_compile_options(aegis_driver_flags INTERFACE
    -O2 -ffreestanding
    # The guard and what it ends in are driver/windows/stack_guard.cpp.
    -fstack-protector-strong
    # A kernel stack is 24 KB for everything on it, and a frame of a page or more would need a stack probe, which has
    # no place in a driver.
    $<$<COMPILE_LANGUAGE:C,CXX>:-Wframe-larger-than=2048>
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics>)
target_include_directories(aegis_driver_flags SYSTEM INTERFACE /usr/x86_64-w64-mingw32/include/ddk)
target_link_options(aegis_driver_flags INTERFACE
    -nostdlib -nostartfiles -s
    -Wl,--subsystem,native:10.0 -Wl,--major-os-version,10 -Wl,--minor-os-version,0
    -Wl,--entry,AegisDriverStart -Wl,--image-base,0x140000000
    -Wl,--dynamicbase -Wl,--high-entropy-va -Wl,--nxcompat
    # Without it PsSetCreateProcessNotifyRoutineEx and …Ex2 answer STATUS_ACCESS_DENIED.
    -Wl,--forceinteg
    # Both would need start-up code that a driver has not.
    -Wl,--disable-auto-import -Wl,--disable-runtime-pseudo-reloc
    -Wl,--exclude-all-symbols)
# libgcc: arithmetic the compiler calls instead of emitting; it is static and needs no start-up.
target_link_libraries(aegis_driver_flags INTERFACE ntoskrnl hal gcc)

# aegis_add_driver(<name> DESCRIPTION <text> DESTINATION <folder> SOURCES <…> [LIBRARIES <…>])
# Builds <name>.sys, signed, in the runtime output directory, and the unsigned one in unsigned/ beside it. DESTINATION
# is where it is installed.
function(aegis_add_driver name)
    cmake_parse_arguments(ARG "" "DESCRIPTION;DESTINATION" "SOURCES;LIBRARIES" ${ARGN})
    # An executable, not a DLL: a DLL gets an export table.
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} aegis_driver_flags)
    set_target_properties(${name} PROPERTIES SUFFIX .sys
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/unsigned)
    aegis_version_resource(${name} FILENAME ${name}.sys DESCRIPTION ${ARG_DESCRIPTION}
                           FILETYPE VFT_DRV FILESUBTYPE VFT2_DRV_SYSTEM)
    # After the linker, before the signature.
    add_custom_command(TARGET ${name} POST_BUILD
                       COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/finish_driver_image.py
                               $<TARGET_FILE:${name}>
                       VERBATIM)
    set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/finish_driver_image.py)
    aegis_sign(${name} ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${name}.sys)
    add_dependencies(windows_artifacts ${name}_signed)
    install(FILES ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${name}.sys DESTINATION ${ARG_DESTINATION})
endfunction()
