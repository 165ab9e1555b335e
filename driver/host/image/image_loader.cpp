#include "driver/host/image/image_loader.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "driver/host/executive/exports.hpp"
#include "driver/host/image/import_gates.hpp"
#include "driver/host/image/raising_call.hpp"

namespace aegis::host {
namespace {

struct FileContents {
    std::vector<std::byte> bytes;
    int error = 0;  // errno
};

FileContents read_file(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
    if (!file) {
        return {{}, errno};
    }
    FileContents contents;
    std::vector<std::byte> chunk(1U << 16U);
    while (const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
        contents.bytes.insert(contents.bytes.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(got));
    }
    if (std::ferror(file.get()) != 0) {
        return {{}, errno};
    }
    return contents;
}

}  // namespace

DriverImageResult bind_driver_image(std::span<const std::byte> file) {
    const auto resolver = [](std::string_view module, std::string_view name) -> const void* {
        if (module != "ntoskrnl.exe" && module != "hal.dll") {
            return nullptr;
        }
        if (name == "__C_specific_handler") {
            return c_specific_handler();
        }
        const void* gate = import_gate(name);
        return gate != nullptr ? gate : find_export(name);
    };
    return DriverImage::map(file, resolver);
}

DriverImageResult load_driver_image(const std::string& path) {
    const FileContents file = read_file(path);
    if (file.error != 0) {
        return {nullptr, fmt::format("{}: {}", path, std::strerror(file.error))};
    }
    DriverImageResult result = bind_driver_image(file.bytes);
    if (!result.image) {
        result.error = fmt::format("{}: {}", path, result.error);
    }
    return result;
}

}  // namespace aegis::host
