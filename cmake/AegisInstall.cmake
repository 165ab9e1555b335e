# What `cmake --install` puts where, beside the programs: headers, libaegis, and what CMake and pkg-config find them by. All of
# it finds its neighbours from where it lies itself, so that a prefix may be moved.
#
# Windows has a layout of its own (AegisWindows.cmake): one folder to copy.
include(CMakePackageConfigHelpers)

set(AEGIS_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Aegis)

set_target_properties(aegis_client_shared PROPERTIES EXPORT_NAME aegis)
set_target_properties(aegis_client_static PROPERTIES EXPORT_NAME aegis_static)
install(TARGETS aegis_contract aegis_ring aegis_client_shared aegis_client_static EXPORT AegisTargets)
install(DIRECTORY include/aegis ring/aegis DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN *.h PATTERN *.hpp)
install(EXPORT AegisTargets NAMESPACE Aegis:: DESTINATION ${AEGIS_PACKAGE_DIR})

configure_package_config_file(cmake/AegisConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/AegisConfig.cmake
                              INSTALL_DESTINATION ${AEGIS_PACKAGE_DIR} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/AegisConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/AegisConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/AegisConfigVersion.cmake
        DESTINATION ${AEGIS_PACKAGE_DIR})

# The way from aegis.pc to the prefix. An absolute folder has none, and is not moved.
cmake_path(IS_ABSOLUTE CMAKE_INSTALL_LIBDIR AEGIS_LIBDIR_IS_FIXED)
if(AEGIS_LIBDIR_IS_FIXED)
    set(AEGIS_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
else()
    cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig
               OUTPUT_VARIABLE AEGIS_PC_PREFIX)
    set(AEGIS_PC_PREFIX \${pcfiledir}/${AEGIS_PC_PREFIX})
endif()
# What the static library needs besides itself: the C++ runtime.
set(AEGIS_PC_LIBRARIES_PRIVATE -lstdc++ -lm -pthread)
list(JOIN AEGIS_PC_LIBRARIES_PRIVATE " " AEGIS_PC_LIBRARIES_PRIVATE)
configure_file(cmake/aegis.pc.in ${CMAKE_CURRENT_BINARY_DIR}/aegis.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/aegis.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
