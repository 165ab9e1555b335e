// The IOCTL pull that the ring replaces, with everything such a call does: a system buffer, the batch detached under
// the lock, each event copied into the system buffer and freed outside it, the system buffer copied to the caller.
// One real system call per pull stands for the two crossings of the kernel's border.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "channels/event_list.hpp"

namespace aegis::bench {

inline constexpr std::size_t kPullBytes = std::size_t{64} * 1024;

// The driver's part of one IOCTL; returns the bytes in `user`.
template <class Allocator>
std::size_t pull_events(EventList<Allocator>& list, void* user, std::size_t user_bytes) {
    syscall(SYS_getppid);
    auto* system = static_cast<std::byte*>(std::malloc(user_bytes));
    if (system == nullptr) {
        return 0;
    }
    std::size_t written = 0;
    ListedEvent* entry = list.detach(user_bytes);
    while (entry != nullptr) {
        std::memcpy(system + written, entry->data(), entry->bytes);
        written += entry->bytes;
        list.free(std::exchange(entry, entry->next));
    }
    std::memcpy(user, system, written);
    std::free(system);
    return written;
}

template <std::size_t kBytes, class Allocator>
class PullChannel {
  public:
    static constexpr bool kLookaside = std::is_same_v<Allocator, LookasideAllocator>;
    static constexpr ChannelTraits kTraits{
        kLookaside ? "IOCTL pull, lookaside" : "IOCTL pull",
        kLookaside ? "the same, its events from a lookaside list of one size that hardly ever touches shared memory"
                   : "the Part 2 design, pulled without pause, 64 KiB per call",
        "every reader seeing every message, a sender that never waits or allocates"};

    PullChannel() : buffer_(kPullBytes) {}

    bool send(const Message<kBytes>& message) {
        list_.push(message.words.data(), kBytes);
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        const std::size_t bytes = pull_events(list_, buffer_.data(), buffer_.size());
        ++pulls_;
        for (std::size_t offset = 0; offset < bytes; offset += kBytes) {
            std::memcpy(copy_.words.data(), buffer_.data() + offset, kBytes);
            finish_copy(&copy_);
            lost_ += copy_.ticket() - next_;
            next_ = copy_.ticket() + 1;
            sink(copy_.ticket(), copy_.words.data());
        }
        return bytes / kBytes;
    }

    std::uint64_t lost() const { return lost_; }
    std::uint64_t pulls() const { return pulls_; }

  private:
    EventList<Allocator> list_;
    std::vector<std::byte> buffer_;
    Message<kBytes> copy_;
    Ticket next_ = 0;
    std::uint64_t lost_ = 0;
    std::uint64_t pulls_ = 0;
};

}  // namespace aegis::bench
