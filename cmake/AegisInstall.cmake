# What `cmake --install` puts where, beside the programs: headers, and the CMake package that gives Aegis::ring. All of
# it finds its neighbours from where it lies itself, so that a prefix may be moved.
#
# Windows has a layout of its own (AegisWindows.cmake): one folder to copy.
include(CMakePackageConfigHelpers)

set(AEGIS_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Aegis)

install(TARGETS aegis_contract aegis_ring EXPORT AegisTargets)
install(DIRECTORY include/aegis ring/aegis DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN *.h PATTERN *.hpp)
install(EXPORT AegisTargets NAMESPACE Aegis:: DESTINATION ${AEGIS_PACKAGE_DIR})

configure_package_config_file(cmake/AegisConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/AegisConfig.cmake
                              INSTALL_DESTINATION ${AEGIS_PACKAGE_DIR} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/AegisConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/AegisConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/AegisConfigVersion.cmake
        DESTINATION ${AEGIS_PACKAGE_DIR})
