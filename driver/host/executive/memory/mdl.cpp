#include "driver/host/executive/memory/mdl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {

PMDL MdlTable::allocate(PVOID address, ULONG bytes) {
    const ULONG pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(address, bytes);
    const std::size_t size = sizeof(MDL) + pages * sizeof(PFN_NUMBER);
    auto* mdl = static_cast<PMDL>(std::calloc(1, size));
    if (mdl == nullptr) {
        return nullptr;
    }
    mdl->Size = static_cast<CSHORT>(size);
    mdl->StartVa = PAGE_ALIGN(address);
    mdl->ByteOffset = BYTE_OFFSET(address);
    mdl->ByteCount = bytes;
    const std::lock_guard lock(mutex_);
    built_.emplace(mdl, false);
    return mdl;
}

void MdlTable::require_known(PMDL mdl, const char* function) const {
    if (!built_.contains(mdl)) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("{} of {}, which is no MDL", function, fmt::ptr(mdl)));
    }
}

std::string MdlTable::describe(const Mapping& mapping) const {
    return fmt::format("{} bytes mapped at {:#x} in process {} through MDL {}", mapping.range.bytes,
                       mapping.range.address, mapping.process->pid(), fmt::ptr(mapping.mdl));
}

void MdlTable::free(PMDL mdl) {
    {
        const std::lock_guard lock(mutex_);
        require_known(mdl, "IoFreeMdl");
        const auto mapped = std::find_if(mappings_.begin(), mappings_.end(),
                                         [&](const Mapping& mapping) { return mapping.mdl == mdl; });
        if (mapped != mappings_.end()) {
            verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                          fmt::format("IoFreeMdl of an MDL in use: {}", describe(*mapped)));
        }
        built_.erase(mdl);
    }
    std::free(mdl);
}

void MdlTable::build(PMDL mdl) {
    const std::lock_guard lock(mutex_);
    require_known(mdl, "MmBuildMdlForNonPagedPool");
    const void* address = MmGetMdlVirtualAddress(mdl);
    if (!executive_parts().pool.holds_nonpaged(address, mdl->ByteCount)) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("MmBuildMdlForNonPagedPool of {} bytes at {}, which are not one nonpaged block",
                                  mdl->ByteCount, address));
    }
    mdl->MdlFlags |= MDL_SOURCE_IS_NONPAGED_POOL;
    mdl->MappedSystemVa = const_cast<void*>(address);
    const ULONG pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(address, mdl->ByteCount);
    const ULONG_PTR first = reinterpret_cast<ULONG_PTR>(mdl->StartVa) >> PAGE_SHIFT;
    for (ULONG page = 0; page < pages; ++page) {
        MmGetMdlPfnArray(mdl)[page] = first + page;
    }
    built_[mdl] = true;
}

PVOID MdlTable::map_user(PMDL mdl, ULONG priority) {
    Process& process = current_process();
    const std::lock_guard lock(mutex_);
    require_known(mdl, "MmMapLockedPagesSpecifyCache");
    if (!built_[mdl]) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("MmMapLockedPagesSpecifyCache of MDL {}, which was not built", fmt::ptr(mdl)));
    }
    const bool writable = (priority & MdlMappingNoWrite) == 0;
    const bool executable = (priority & MdlMappingNoExecute) == 0;
    const std::uint64_t bytes = mdl->ByteCount;
    const Pool::SharedRange shared = executive_parts().pool.share(MmGetMdlVirtualAddress(mdl), bytes, writable);
    if (!shared.memory || process.address_space == nullptr) {
        return nullptr;
    }
    const auto address = process.address_space->map({shared.memory.get(), shared.offset, bytes, writable, executable});
    if (!address) {
        return nullptr;
    }
    mappings_.push_back({mdl, &process, {*address, bytes, writable, executable}});
    return reinterpret_cast<PVOID>(*address);
}

void MdlTable::unmap_user(PVOID address, PMDL mdl) {
    Process& process = current_process();
    const std::lock_guard lock(mutex_);
    require_known(mdl, "MmUnmapLockedPages");
    const auto base = reinterpret_cast<std::uint64_t>(address);
    const auto same = [&](const Mapping& mapping) { return mapping.range.address == base && mapping.mdl == mdl; };
    const auto here = std::find_if(mappings_.begin(), mappings_.end(), [&](const Mapping& mapping) {
        return same(mapping) && mapping.process == &process;
    });
    if (here == mappings_.end()) {
        const auto elsewhere = std::find_if(mappings_.begin(), mappings_.end(), same);
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      elsewhere != mappings_.end()
                          ? fmt::format("unmapped in the wrong process {}: {}", process.pid(), describe(*elsewhere))
                          : fmt::format("MmUnmapLockedPages of {:#x} in process {}, which has no such mapping", base,
                                        process.pid()));
    }
    process.address_space->unmap(here->range.address, here->range.bytes);
    mappings_.erase(here);
}

void MdlTable::forbid_mapped(const void* block, std::size_t bytes) const {
    const std::lock_guard lock(mutex_);
    const auto first = reinterpret_cast<std::uintptr_t>(block);
    const auto mapped = std::find_if(mappings_.begin(), mappings_.end(), [&](const Mapping& mapping) {
        return reinterpret_cast<std::uintptr_t>(MmGetMdlVirtualAddress(mapping.mdl)) - first < bytes;
    });
    if (mapped != mappings_.end()) {
        verifier_stop(Bugcheck::kBadPoolCaller, fmt::format("block freed while in use: {}", describe(*mapped)));
    }
}

void MdlTable::tear_down(Process& process) {
    const std::lock_guard lock(mutex_);
    const auto left = std::find_if(mappings_.begin(), mappings_.end(),
                                   [&](const Mapping& mapping) { return mapping.process == &process; });
    if (left != mappings_.end()) {
        verifier_stop(Bugcheck::kProcessHasLockedPages, fmt::format("the process has exited: {}", describe(*left)));
    }
    process.address_space.reset();
}

std::vector<UserMapping> MdlTable::mappings(const Process& process) const {
    const std::lock_guard lock(mutex_);
    std::vector<UserMapping> ranges;
    for (const Mapping& mapping : mappings_) {
        if (mapping.process == &process) {
            ranges.push_back(mapping.range);
        }
    }
    return ranges;
}

std::string MdlTable::describe_leaks() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const Mapping& mapping : mappings_) {
        text += describe(mapping) + "; ";
    }
    for (const auto& [mdl, built] : built_) {
        text += fmt::format("MDL {} of {} bytes; ", fmt::ptr(mdl), mdl->ByteCount);
    }
    return text;
}

}  // namespace aegis::host

using namespace aegis::host;

extern "C" PMDL NTAPI IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN, BOOLEAN, PIRP Irp) {
    require_irql(DISPATCH_LEVEL, "IoAllocateMdl");
    ExecutiveParts& parts = executive_parts();
    if (Irp != nullptr) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation, "IoAllocateMdl for an IRP is not provided here");
    }
    return parts.faults.should_fail("IoAllocateMdl") ? nullptr : parts.mdls.allocate(VirtualAddress, Length);
}

extern "C" void NTAPI IoFreeMdl(PMDL Mdl) {
    require_irql(DISPATCH_LEVEL, "IoFreeMdl");
    executive_parts().mdls.free(Mdl);
}

extern "C" void NTAPI MmBuildMdlForNonPagedPool(PMDLX MemoryDescriptorList) {
    require_irql(DISPATCH_LEVEL, "MmBuildMdlForNonPagedPool");
    executive_parts().mdls.build(MemoryDescriptorList);
}

extern "C" void NTAPI MmUnmapLockedPages(PVOID BaseAddress, PMDL MemoryDescriptorList) {
    require_irql(APC_LEVEL, "MmUnmapLockedPages");
    executive_parts().mdls.unmap_user(BaseAddress, MemoryDescriptorList);
}
