#include "driver/host/image/imports.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>

namespace aegis::host {
namespace {

struct ImportDescriptor {
    std::uint32_t lookup_table_rva;
    std::uint32_t timestamp;
    std::uint32_t forwarder;
    std::uint32_t module_name_rva;
    std::uint32_t address_table_rva;
};

constexpr std::uint64_t kByOrdinal = UINT64_C(1) << 63U;
constexpr std::uint64_t kHintBytes = 2;

// Binds what one module exports. The lookup table names the imports, the address table beside it takes them.
std::string bind_module(std::span<std::byte> image, const ImportDescriptor& module, const ImportResolver& resolver) {
    const ByteReader reader(image);
    const auto module_name = reader.read_string(module.module_name_rva);
    if (!module_name) {
        return "an import module's name ends outside the image";
    }
    for (std::uint64_t offset = 0;; offset += sizeof(std::uint64_t)) {
        const auto lookup = reader.read<std::uint64_t>(module.lookup_table_rva + offset);
        if (!lookup || !reader.read<std::uint64_t>(module.address_table_rva + offset)) {
            return fmt::format("the imports of {} end outside the image", *module_name);
        }
        if (*lookup == 0) {
            return {};
        }
        if ((*lookup & kByOrdinal) != 0) {
            return fmt::format("an import of {} has a number and no name", *module_name);
        }
        const auto name = reader.read_string(*lookup + kHintBytes);
        if (!name) {
            return fmt::format("the name of an import of {} ends outside the image", *module_name);
        }
        const void* address = resolver(*module_name, *name);
        if (address == nullptr) {
            return fmt::format("{} does not export {}", *module_name, *name);
        }
        std::memcpy(image.data() + module.address_table_rva + offset, &address, sizeof(address));
    }
}

}  // namespace

std::string bind_imports(std::span<std::byte> image, const PeDirectory& directory, const ImportResolver& resolver) {
    const ByteReader reader(image);
    for (std::uint64_t offset = 0; offset + sizeof(ImportDescriptor) <= directory.bytes;
         offset += sizeof(ImportDescriptor)) {
        const auto module = reader.read<ImportDescriptor>(directory.rva + offset);
        if (!module) {
            return "the import directory ends outside the image";
        }
        if (module->lookup_table_rva == 0) {
            return {};
        }
        std::string error = bind_module(image, *module, resolver);
        if (!error.empty()) {
            return error;
        }
    }
    return {};
}

}  // namespace aegis::host
