#include "driver/host/image/function_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace aegis::host {

FunctionTableResult FunctionTable::read(std::span<const std::byte> image, const PeDirectory& directory) {
    const ByteReader reader(image);
    FunctionTable table;
    if (directory.bytes % sizeof(RuntimeFunction) != 0) {
        return {std::nullopt, "the function table ends in the middle of a row"};
    }
    std::uint32_t end_of_last = 0;
    for (std::uint32_t at = 0; at < directory.bytes; at += sizeof(RuntimeFunction)) {
        const auto row = reader.read<RuntimeFunction>(std::uint64_t{directory.rva} + at);
        if (!row || row->begin_rva >= row->end_rva || row->end_rva > image.size()) {
            return {std::nullopt, fmt::format("the function table has a row at byte {} that is no function", at)};
        }
        if (row->begin_rva < end_of_last) {
            return {std::nullopt, fmt::format("the function table is not sorted: the function at RVA {:#x} comes after "
                                              "one that ends at {:#x}",
                                              row->begin_rva, end_of_last)};
        }
        end_of_last = row->end_rva;
        UnwindInfoResult unwind = read_unwind_info(image, row->unwind_info_rva);
        if (!unwind.info) {
            return {std::nullopt,
                    fmt::format("the unwind data of the function at RVA {:#x} have {}", row->begin_rva, unwind.error)};
        }
        table.functions_.push_back({row->begin_rva, row->end_rva, std::move(*unwind.info)});
    }
    return {std::move(table), {}};
}

const ImageFunction* FunctionTable::find(std::uint32_t rva) const {
    const auto after = std::upper_bound(
        functions_.begin(), functions_.end(), rva,
        [](std::uint32_t wanted, const ImageFunction& function) { return wanted < function.begin_rva; });
    if (after == functions_.begin()) {
        return nullptr;
    }
    const ImageFunction& candidate = *std::prev(after);
    return rva < candidate.end_rva ? &candidate : nullptr;
}

}  // namespace aegis::host
