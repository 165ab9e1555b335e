#include "windows/core_choice.hpp"

#include <vector>

namespace aegis::bench {
namespace {

// One mask for each physical core: its logical processors. Empty where the system does not tell.
std::vector<DWORD_PTR> physical_cores() {
    DWORD bytes = 0;
    GetLogicalProcessorInformation(nullptr, &bytes);
    std::vector<SYSTEM_LOGICAL_PROCESSOR_INFORMATION> rows(bytes / sizeof(SYSTEM_LOGICAL_PROCESSOR_INFORMATION));
    std::vector<DWORD_PTR> cores;
    if (!rows.empty() && GetLogicalProcessorInformation(rows.data(), &bytes)) {
        for (const auto& row : rows) {
            if (row.Relationship == RelationProcessorCore) {
                cores.push_back(row.ProcessorMask);
            }
        }
    }
    return cores;
}

constexpr DWORD_PTR lowest(DWORD_PTR mask) {
    return mask & (~mask + 1);
}

}  // namespace

std::optional<CoreChoice> choose_cores() {
    DWORD_PTR allowed = 0;
    DWORD_PTR of_system = 0;
    if (!GetProcessAffinityMask(GetCurrentProcess(), &allowed, &of_system) || allowed == 0) {
        return std::nullopt;
    }
    const DWORD_PTR first = lowest(allowed);
    DWORD_PTR others = allowed & ~first;
    for (const DWORD_PTR core : physical_cores()) {
        if ((core & first) != 0 && (allowed & ~core) != 0) {
            others = allowed & ~core;
        }
    }
    if (others == 0) {
        return std::nullopt;
    }
    return CoreChoice{first, lowest(others)};
}

}  // namespace aegis::bench
