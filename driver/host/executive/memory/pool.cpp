#include "driver/host/executive/memory/pool.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

// Bytes after a small block that must survive until it is freed. AddressSanitizer sees the overrun itself; builds
// without it see its trace when the block is freed.
constexpr std::size_t kGuardBytes = 16;
constexpr unsigned char kGuardPoison = 0xFB;

std::string caller_text(const void* caller) {
    Dl_info info{};
    if (::dladdr(caller, &info) != 0 && info.dli_sname != nullptr) {
        return info.dli_sname;
    }
    return fmt::format("{}", caller);
}

bool guard_intact(const std::byte* guard, std::size_t bytes) {
    return std::all_of(guard, guard + bytes, [](std::byte value) { return value == std::byte{kGuardPoison}; });
}

}  // namespace

std::string pool_tag_text(ULONG tag) {
    std::string text(sizeof(tag), ' ');
    std::memcpy(text.data(), &tag, sizeof(tag));
    return text;
}

void* Pool::allocate(POOL_TYPE type, std::size_t bytes, ULONG tag, const void* caller) {
    if (bytes == 0 || tag == 0) {
        verifier_stop(Bugcheck::kBadPoolCaller,
                      fmt::format("allocation of {} bytes with tag '{}'", bytes, pool_tag_text(tag)));
    }
    // As the driver verifier's code integrity checks have it.
    if (type == NonPagedPoolExecute) {
        verifier_stop(
            Bugcheck::kDriverVerifierDetectedViolation,
            fmt::format("allocation of {} bytes of executable pool with tag '{}'", bytes, pool_tag_text(tag)));
    }
    const bool paged = type == PagedPool;
    const bool whole_pages = bytes >= PAGE_SIZE;
    std::optional<PoolPages> pages = whole_pages ? PoolPages::allocate(bytes) : std::nullopt;
    const std::size_t extent = pages ? pages->bytes() : bytes + kGuardBytes;
    std::byte* address = pages ? pages->data() : whole_pages ? nullptr : static_cast<std::byte*>(std::malloc(extent));
    if (address == nullptr) {
        return nullptr;
    }
    std::memset(address, executive_parts().poison.pool, bytes);
    std::memset(address + bytes, kGuardPoison, extent - bytes);
    ASAN_POISON_MEMORY_REGION(address + bytes, extent - bytes);

    const std::lock_guard lock(mutex_);
    freed_.erase(address);
    blocks_.emplace(address, Block{bytes, extent, tag, paged, caller, std::move(pages)});
    return address;
}

void Pool::free(void* address, ULONG tag) {
    auto* const base = static_cast<std::byte*>(address);
    Blocks::node_type node;
    {
        const std::lock_guard lock(mutex_);
        const auto found = blocks_.find(base);
        if (found == blocks_.end()) {
            const auto before = freed_.find(base);
            verifier_stop(Bugcheck::kBadPoolCaller, before != freed_.end()
                                                        ? fmt::format("block {} with tag '{}' freed twice", address,
                                                                      pool_tag_text(before->second))
                                                        : fmt::format("{} freed, which is no pool block", address));
        }
        const bool of_nt = found->second.tag == kTokenInformationTag;
        if (found->second.tag != tag && !(of_nt && tag == 0)) {
            verifier_stop(Bugcheck::kBadPoolCaller, fmt::format("block {} with tag '{}' freed with tag '{}'", address,
                                                                pool_tag_text(found->second.tag), pool_tag_text(tag)));
        }
        node = blocks_.extract(found);
        freed_.insert_or_assign(base, tag);
    }
    const Block& block = node.mapped();
    require_irql(block.paged ? APC_LEVEL : DISPATCH_LEVEL, "ExFreePoolWithTag of paged pool");
    ASAN_UNPOISON_MEMORY_REGION(base + block.bytes, block.extent - block.bytes);
    if (!guard_intact(base + block.bytes, block.extent - block.bytes)) {
        verifier_stop(Bugcheck::kDriverCorruptedExpool,
                      fmt::format("bytes after the {} of block {} with tag '{}' were overwritten", block.bytes, address,
                                  pool_tag_text(tag)));
    }
    // Pages are unmapped, which catches a late access by itself. Their content stays: a client whose host ends still
    // has them mapped, and drains what is left in them.
    if (!block.pages) {
        std::memset(base, kPoolFreedPoison, block.bytes);
        std::free(address);
    }
}

Pool::Blocks::const_iterator Pool::find_holder(const void* address, std::size_t bytes) const {
    const auto* first = static_cast<const std::byte*>(address);
    auto after = blocks_.upper_bound(first);
    if (after == blocks_.begin()) {
        return blocks_.end();
    }
    const auto block = std::prev(after);
    return first + bytes <= block->first + block->second.bytes ? block : blocks_.end();
}

bool Pool::holds_nonpaged(const void* address, std::size_t bytes) const {
    const std::lock_guard lock(mutex_);
    const auto block = find_holder(address, bytes);
    return block != blocks_.end() && !block->second.paged;
}

bool Pool::holds_pageable(const void* address, std::size_t bytes) const {
    const auto* first = static_cast<const std::byte*>(address);
    const std::lock_guard lock(mutex_);
    return std::any_of(blocks_.begin(), blocks_.end(), [&](const auto& entry) {
        return entry.second.paged && entry.first < first + bytes && first < entry.first + entry.second.bytes;
    });
}

std::size_t Pool::size_of(const void* address) const {
    const std::lock_guard lock(mutex_);
    const auto block = blocks_.find(static_cast<const std::byte*>(address));
    return block == blocks_.end() ? 0 : block->second.bytes;
}

ULONG Pool::tag_of(const void* address) const {
    const std::lock_guard lock(mutex_);
    const auto block = blocks_.find(static_cast<const std::byte*>(address));
    return block == blocks_.end() ? 0 : block->second.tag;
}

Pool::SharedRange Pool::share(const void* address, std::size_t bytes, bool writable) {
    const std::lock_guard lock(mutex_);
    const auto holder = find_holder(address, bytes);
    if (holder == blocks_.end() || !holder->second.pages || BYTE_OFFSET(address) != 0 || bytes % PAGE_SIZE != 0) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("the {} bytes at {} share a page with other pool blocks: a user mapping would "
                                  "expose them; map whole pages of a block only",
                                  bytes, address));
    }
    // Const only because lookups share find_holder(); the block is this pool's own.
    PoolPages& pages = const_cast<PoolPages&>(*holder->second.pages);
    return {pages.share(writable), static_cast<std::size_t>(static_cast<const std::byte*>(address) - holder->first)};
}

void Pool::stop_sharing() {
    const std::lock_guard lock(mutex_);
    for (auto& [address, block] : blocks_) {
        if (block.pages) {
            block.pages->stop_sharing();
        }
    }
}

std::vector<PoolBlock> Pool::blocks() const {
    const std::lock_guard lock(mutex_);
    std::vector<PoolBlock> all;
    for (const auto& [address, block] : blocks_) {
        all.push_back({const_cast<std::byte*>(address), block.bytes});
    }
    return all;
}

std::string Pool::describe_leaks() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [address, block] : blocks_) {
        text += fmt::format("pool block {} of {} bytes with tag '{}' allocated at {}; ", fmt::ptr(address), block.bytes,
                            pool_tag_text(block.tag), caller_text(block.caller));
    }
    return text;
}

}  // namespace aegis::host

using namespace aegis::host;

extern "C" PVOID NTAPI ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
    require_irql(PoolType == PagedPool ? APC_LEVEL : DISPATCH_LEVEL, "ExAllocatePoolWithTag");
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail("ExAllocatePoolWithTag")) {
        return nullptr;
    }
    return parts.pool.allocate(PoolType, NumberOfBytes, Tag, __builtin_return_address(0));
}

// Whatever the tag: of what the kernel has allocated for its caller.
extern "C" void NTAPI ExFreePool(PVOID P) {
    require_irql(DISPATCH_LEVEL, "ExFreePool");
    ExFreePoolWithTag(P, executive_parts().pool.tag_of(P));
}

extern "C" void NTAPI ExFreePoolWithTag(PVOID P, ULONG Tag) {
    require_irql(DISPATCH_LEVEL, "ExFreePoolWithTag");
    ExecutiveParts& parts = executive_parts();
    parts.mdls.forbid_mapped(P, parts.pool.size_of(P));
    parts.pool.free(P, Tag);
}
