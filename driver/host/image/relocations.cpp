#include "driver/host/image/relocations.hpp"

#include <fmt/format.h>

#include <cstring>

namespace aegis::host {
namespace {

constexpr unsigned kPadding = 0;  // IMAGE_REL_BASED_ABSOLUTE
constexpr unsigned kDir64 = 10;   // IMAGE_REL_BASED_DIR64

struct BlockHeader {
    std::uint32_t page_rva;
    std::uint32_t bytes;  // header included
};

}  // namespace

std::string apply_relocations(std::span<std::byte> image, const PeDirectory& directory, std::uint64_t delta) {
    const ByteReader reader(image);
    std::uint32_t offset = 0;
    while (offset < directory.bytes) {
        const auto block = reader.read<BlockHeader>(std::uint64_t{directory.rva} + offset);
        if (!block || block->bytes < sizeof(BlockHeader) || block->bytes > directory.bytes - offset) {
            return "a relocation block ends outside the directory";
        }
        for (std::uint32_t at = sizeof(BlockHeader); at + sizeof(std::uint16_t) <= block->bytes;
             at += sizeof(std::uint16_t)) {
            const auto entry = reader.read<std::uint16_t>(std::uint64_t{directory.rva} + offset + at);
            const unsigned type = *entry >> 12U;
            if (type == kPadding) {
                continue;
            }
            const std::uint64_t target = std::uint64_t{block->page_rva} + (*entry & 0xFFFU);
            auto address = reader.read<std::uint64_t>(target);
            if (type != kDir64 || !address) {
                return fmt::format("relocation of type {} at RVA {:#x}", type, target);
            }
            *address += delta;
            std::memcpy(image.data() + target, &*address, sizeof(*address));
        }
        offset += block->bytes;
    }
    return {};
}

}  // namespace aegis::host
