// The BPF ring buffer behind its loader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace aegis::bench {

// The loaded program, its ring and its mapped reader. One at a time.
class BpfRing {
  public:
    // What a receiver is called with, one event at a time, and its own pointer.
    using OnEvent = void (*)(void* context, const void* event, std::size_t bytes);

    // Empty, and `why` says the reason, where the kernel or the user's rights do not allow it.
    static std::unique_ptr<BpfRing> open(std::size_t event_bytes, std::string* why);
    ~BpfRing();
    BpfRing(const BpfRing&) = delete;
    BpfRing& operator=(const BpfRing&) = delete;

    // Makes the system call. Returns the number of events published so far, in all calls.
    std::uint64_t publish();

    // Hands out at most kReceiveBatch events; returns how many.
    std::size_t receive(OnEvent on_event, void* context);

  private:
    struct Parts;
    explicit BpfRing(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace aegis::bench
