# Libraries of the distribution, for native and cross builds alike.
#
# Each target's include path holds that one library and nothing else. The cross compiler must never see the directory
# the libraries are installed in: it would take glibc's headers for those of Windows.

# aegis_header_library(<target> <package> <include folder> <entries…>)
# The entries (files or folders, relative to the include folder) become visible under the target's include path.
function(aegis_header_library name package folder)
    list(GET ARGN 0 probe)
    find_path(AEGIS_${name}_ROOT ${folder}${probe} PATHS /usr/include /usr/local/include
              NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
    mark_as_advanced(AEGIS_${name}_ROOT)
    if(NOT AEGIS_${name}_ROOT)
        message(FATAL_ERROR "${name} is missing: install the package ${package}")
    endif()
    set(view ${CMAKE_BINARY_DIR}/libraries/${name})
    foreach(entry IN LISTS ARGN)
        cmake_path(GET entry PARENT_PATH parent)
        file(MAKE_DIRECTORY ${view}/${parent})
        file(CREATE_LINK ${AEGIS_${name}_ROOT}/${folder}${entry} ${view}/${entry} SYMBOLIC)
    endforeach()
    add_library(aegis_${name} INTERFACE)
    add_library(aegis::${name} ALIAS aegis_${name})
    target_include_directories(aegis_${name} SYSTEM INTERFACE ${view})
endfunction()

aegis_header_library(cli11 libcli11-dev "" CLI)
aegis_header_library(fmt libfmt-dev "" fmt)
aegis_header_library(rapidjson rapidjson-dev "" rapidjson)
aegis_header_library(tomlplusplus libtomlplusplus-dev "" toml++)
aegis_header_library(utfcpp libutfcpp-dev "utf8cpp/" utf8.h utf8)

# For libaegis, which brings what it needs of it: programs that link it know nothing of fmt.
add_library(aegis_fmt_headers INTERFACE)
add_library(aegis::fmt_headers ALIAS aegis_fmt_headers)
target_include_directories(aegis_fmt_headers SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/libraries/fmt)
target_compile_definitions(aegis_fmt_headers INTERFACE FMT_HEADER_ONLY)

# The distribution's compiled fmt where it fits: a source file that includes the header-only one takes seconds longer.
if(NOT CMAKE_CROSSCOMPILING)
    find_library(AEGIS_fmt_LIBRARY fmt)
    mark_as_advanced(AEGIS_fmt_LIBRARY)
endif()
if(AEGIS_fmt_LIBRARY)
    target_link_libraries(aegis_fmt INTERFACE ${AEGIS_fmt_LIBRARY})
else()
    target_compile_definitions(aegis_fmt INTERFACE FMT_HEADER_ONLY)
endif()
