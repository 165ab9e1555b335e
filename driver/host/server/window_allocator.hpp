// Which addresses of a client's mapping window are in use.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace aegis::host::server {

struct AddressWindow {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;

    bool operator==(const AddressWindow&) const = default;
};

// Whether a client may offer this as its window: whole pages of user addresses, and not absurdly large.
bool is_valid_window(const AddressWindow& window);

// Sizes are whole pages. Any thread.
class WindowAllocator {
  public:
    explicit WindowAllocator(const AddressWindow& window) { move_to(window); }

    // Allocates in another window from now on: the process runs another program. What is still
    // allocated in the window before stays so until it is released.
    void move_to(const AddressWindow& window);
    AddressWindow window() const;

    // The first gap behind the allocation before, so that an address is not used again at once: a
    // client that uses a mapping after its end meets a fault rather than somebody else's data.
    std::optional<std::uint64_t> allocate(std::uint64_t bytes);
    void release(std::uint64_t address);

  private:
    std::optional<std::uint64_t> first_gap(std::uint64_t from, std::uint64_t bytes) const;

    mutable std::mutex mutex_;  // guards everything
    AddressWindow window_;
    std::uint64_t next_ = 0;
    std::map<std::uint64_t, std::uint64_t> used_;  // address, bytes
};

}  // namespace aegis::host::server
