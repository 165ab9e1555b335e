#include "driver/host/server/window_allocator.hpp"

namespace aegis::host::server {

bool is_valid_window(const AddressWindow& window) {
    constexpr std::uint64_t kPage = 4096;
    constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;
    constexpr std::uint64_t kUserAddresses = std::uint64_t{1} << 47;
    return window.address % kPage == 0 && window.bytes % kPage == 0 && window.address != 0 && window.bytes != 0 &&
           window.bytes <= kMostBytes && window.address < kUserAddresses &&
           window.bytes <= kUserAddresses - window.address;
}

void WindowAllocator::move_to(const AddressWindow& window) {
    const std::lock_guard guard(mutex_);
    window_ = window;
    next_ = window.address;
}

AddressWindow WindowAllocator::window() const {
    const std::lock_guard guard(mutex_);
    return window_;
}

void WindowAllocator::release(std::uint64_t address) {
    const std::lock_guard guard(mutex_);
    used_.erase(address);
}

std::optional<std::uint64_t> WindowAllocator::allocate(std::uint64_t bytes) {
    const std::lock_guard guard(mutex_);
    std::optional<std::uint64_t> place = first_gap(next_, bytes);
    if (!place) {
        place = first_gap(window_.address, bytes);
    }
    if (place) {
        used_.emplace(*place, bytes);
        next_ = *place + bytes;
    }
    return place;
}

std::optional<std::uint64_t> WindowAllocator::first_gap(std::uint64_t from, std::uint64_t bytes) const {
    std::uint64_t place = from;
    for (const auto& [address, used] : used_) {
        if (address >= place && address - place >= bytes) {
            break;
        }
        if (address + used > place) {
            place = address + used;
        }
    }
    const std::uint64_t end = window_.address + window_.bytes;
    return place < end && bytes <= end - place ? std::optional(place) : std::nullopt;
}

}  // namespace aegis::host::server
