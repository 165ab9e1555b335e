#include "driver/host/client/mapping_window.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>

namespace aegis::host::client {
namespace {

// Room for a hundred of the largest rings. Reserving costs nothing but page table roots, but a limit on
// address space (ulimit -v) may forbid it, so less is tried as well.
constexpr std::size_t kMostBytes = std::size_t{8} << 30;
constexpr std::size_t kFewestBytes = std::size_t{128} << 20;

constexpr int kReservation = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

// The compare-exchange that publishes a window is a release, the load an acquire of its contents.
std::atomic<MappingWindow*> current_window{nullptr};

}  // namespace

MappingWindow::MappingWindow(std::byte* base, std::size_t bytes) : owner_(getpid()), base_(base), bytes_(bytes) {}

MappingWindow* MappingWindow::of_this_process() {
    MappingWindow* window = current_window.load(std::memory_order_acquire);
    if (window != nullptr && window->owner_ == getpid()) {
        return window;
    }
    // The window of the process that forked this one stays: inherited Connections still refer to it.
    for (std::size_t bytes = kMostBytes; bytes >= kFewestBytes; bytes /= 2) {
        void* base = mmap(nullptr, bytes, PROT_NONE, kReservation, -1, 0);
        if (base == MAP_FAILED) {
            continue;
        }
        auto* const fresh = new MappingWindow(static_cast<std::byte*>(base), bytes);
        if (current_window.compare_exchange_strong(window, fresh, std::memory_order_acq_rel)) {
            return fresh;
        }
        // Another thread was first; `window` is its window now.
        munmap(base, bytes);
        delete fresh;
        return window;
    }
    return nullptr;
}

NtStatus MappingWindow::map(const protocol::Mapping& mapping, const UniqueFd& memory) {
    const std::uint64_t offset = mapping.address - address();
    if (mapping.bytes == 0 || offset > bytes_ || mapping.bytes > bytes_ - offset) {
        return kStatusUnexpectedNetworkError;
    }
    const int protection = mapping.writable != 0 ? PROT_READ | PROT_WRITE : PROT_READ;
    const std::lock_guard guard(mutex_);
    void* const place = base_ + offset;
    void* const mapped = mmap(place, mapping.bytes, protection, MAP_SHARED | MAP_FIXED, memory.get(),
                              static_cast<off_t>(mapping.offset));
    const Range range = {mapping.address, mapping.bytes};
    if (mapped == MAP_FAILED || madvise(mapped, mapping.bytes, MADV_DONTFORK) != 0) {
        vacate(range);
        return kStatusInsufficientResources;
    }
    // Whatever was here by an older id is gone; its unmapping, still on the way, must not hit this one.
    std::erase_if(ranges_, [&](const auto& entry) {
        const Range& old = entry.second;
        return old.address < range.address + range.bytes && range.address < old.address + old.bytes;
    });
    ranges_.emplace(mapping.id, range);
    return kStatusSuccess;
}

void MappingWindow::unmap(std::uint64_t id) {
    const std::lock_guard guard(mutex_);
    if (const auto range = ranges_.find(id); range != ranges_.end()) {
        vacate(range->second);
        ranges_.erase(range);
    }
}

void MappingWindow::vacate(const Range& range) {
    void* const place = base_ + (range.address - address());
    // Reserved again rather than unmapped: nothing else of this process may move in.
    if (mmap(place, range.bytes, PROT_NONE, kReservation | MAP_FIXED, -1, 0) == MAP_FAILED) {
        // Above all what was there must go.
        munmap(place, range.bytes);
    }
}

void MappingWindow::enter() {
    const std::lock_guard guard(mutex_);
    ++connections_;
}

void MappingWindow::leave() {
    // In a forked child the mappings are not there, and their addresses may hold something else.
    if (owner_ != getpid()) {
        return;
    }
    const std::lock_guard guard(mutex_);
    if (--connections_ == 0) {
        for (const auto& [id, range] : ranges_) {
            vacate(range);
        }
        ranges_.clear();
    }
}

}  // namespace aegis::host::client
