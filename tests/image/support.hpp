// The image under test: the file that AEGIS_DRIVER_IMAGE names.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace aegis::test {

inline std::string image_path() {
    const char* path = std::getenv("AEGIS_DRIVER_IMAGE");
    return path != nullptr ? path : "";
}

inline std::vector<std::byte> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> chars{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const auto* bytes = reinterpret_cast<const std::byte*>(chars.data());
    return {bytes, bytes + chars.size()};
}

}  // namespace aegis::test
