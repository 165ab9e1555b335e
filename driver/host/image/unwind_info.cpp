#include "driver/host/image/unwind_info.hpp"

#include <fmt/format.h>

#include <utility>

namespace aegis::host {
namespace {

constexpr unsigned kVersion = 1;
constexpr unsigned kExceptionHandler = 1;    // UNW_FLAG_EHANDLER
constexpr unsigned kTerminationHandler = 2;  // UNW_FLAG_UHANDLER
constexpr unsigned kChained = 4;             // UNW_FLAG_CHAININFO
constexpr unsigned kLongestChain = 32;       // as NT follows it
constexpr unsigned kFrameScale = 16;
constexpr unsigned kWord = 8;
constexpr unsigned kXmm = 16;

struct Header {
    std::uint8_t version_and_flags;
    std::uint8_t prologue_bytes;
    std::uint8_t slot_count;
    std::uint8_t frame_register_and_offset;
};

using Slot = std::uint16_t;

// The codes of a prologue, taken from their slots of two bytes one after the other.
class CodeReader {
  public:
    CodeReader(const ByteReader& reader, std::uint64_t slots_offset, unsigned slot_count)
        : reader_(reader), slots_offset_(slots_offset), slot_count_(slot_count) {}

    bool at_end() const { return next_ >= slot_count_; }

    // Nothing for an operation that does not exist, or that needs more slots than there are.
    std::optional<UnwindCode> take() {
        const auto first = slot();
        if (!first) {
            return std::nullopt;
        }
        const auto number = static_cast<std::uint8_t>(*first >> 8U & 0xFU);
        const auto info = static_cast<std::uint8_t>(*first >> 12U);
        UnwindCode code{static_cast<std::uint8_t>(*first & 0xFFU), static_cast<UnwindOperation>(number), info, 0};
        switch (code.operation) {
            case UnwindOperation::kPushNonvolatile:
            case UnwindOperation::kSetFrameRegister:
                return code;
            case UnwindOperation::kPushMachineFrame:
                return info <= 1 ? std::optional(code) : std::nullopt;
            case UnwindOperation::kAllocateSmall:
                code.amount = (info + 1U) * kWord;
                return code;
            case UnwindOperation::kAllocateLarge:
                return info <= 1 ? with_amount(code, info == 1, info == 1 ? 1 : kWord) : std::nullopt;
            case UnwindOperation::kSaveNonvolatile:
                return with_amount(code, false, kWord);
            case UnwindOperation::kSaveXmm128:
                return with_amount(code, false, kXmm);
            case UnwindOperation::kSaveNonvolatileFar:
            case UnwindOperation::kSaveXmm128Far:
                return with_amount(code, true, 1);
        }
        return std::nullopt;
    }

  private:
    std::optional<Slot> slot() {
        if (at_end()) {
            return std::nullopt;
        }
        return reader_.read<Slot>(slots_offset_ + next_++ * sizeof(Slot));
    }

    // The amount is in the next slot, in units of `scale`, or unscaled in the next two.
    std::optional<UnwindCode> with_amount(UnwindCode code, bool two_slots, unsigned scale) {
        const auto low = slot();
        const auto high = two_slots ? slot() : std::optional<Slot>(0);
        if (!low || !high) {
            return std::nullopt;
        }
        code.amount = (*low + (std::uint32_t{*high} << 16U)) * scale;
        return code;
    }

    const ByteReader& reader_;
    std::uint64_t slots_offset_;
    unsigned slot_count_;
    unsigned next_ = 0;
};

UnwindInfoResult refuse(std::string why) {
    return {std::nullopt, std::move(why)};
}

// `chained`, when there is one, is what the data at `rva` are chained to.
UnwindInfoResult read_one(std::span<const std::byte> image, std::uint32_t rva,
                          std::optional<RuntimeFunction>* chained) {
    const ByteReader reader(image);
    const auto header = reader.read<Header>(rva);
    if (!header || (header->version_and_flags & 7U) != kVersion) {
        return refuse("another version");
    }
    UnwindInfo info;
    info.prologue_bytes = header->prologue_bytes;
    info.frame_register = header->frame_register_and_offset & 0xFU;
    info.frame_offset = (header->frame_register_and_offset >> 4U) * kFrameScale;
    const std::uint64_t slots_offset = std::uint64_t{rva} + sizeof(Header);
    for (CodeReader codes(reader, slots_offset, header->slot_count); !codes.at_end();) {
        const auto code = codes.take();
        if (!code) {
            return refuse("an operation that does not exist or is cut off");
        }
        info.codes.push_back(*code);
    }
    // Slots come in pairs; one may be left over.
    const std::uint64_t after = slots_offset + (header->slot_count + std::uint64_t{1}) / 2 * 2 * sizeof(Slot);
    const unsigned flags = header->version_and_flags >> 3U;
    chained->reset();
    if ((flags & kChained) != 0) {
        *chained = reader.read<RuntimeFunction>(after);
        if (!*chained || (flags & (kExceptionHandler | kTerminationHandler)) != 0) {
            return refuse("a chain that is cut off or has a handler");
        }
    } else if ((flags & kExceptionHandler) != 0) {
        const auto handler = reader.read<std::uint32_t>(after);
        if (!handler || *handler == 0 || *handler >= image.size()) {
            return refuse("a handler outside the image");
        }
        info.handler_rva = *handler;
        info.handler_data_rva = static_cast<std::uint32_t>(after + sizeof(std::uint32_t));
    }
    return {std::move(info), {}};
}

}  // namespace

UnwindInfoResult read_unwind_info(std::span<const std::byte> image, std::uint32_t rva) {
    std::optional<RuntimeFunction> next;
    UnwindInfoResult whole = read_one(image, rva, &next);
    for (unsigned length = 0; whole.info && next; ++length) {
        UnwindInfoResult link = read_one(image, next->unwind_info_rva, &next);
        if (!link.info || length == kLongestChain) {
            return link.info ? refuse("a chain without an end") : std::move(link);
        }
        // The code of a chained part begins behind the whole prologue of what it is chained to.
        for (UnwindCode& code : link.info->codes) {
            code.prologue_offset = 0;
            whole.info->codes.push_back(code);
        }
    }
    return whole;
}

}  // namespace aegis::host
