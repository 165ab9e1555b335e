// The kernel's process events connector: netlink family NETLINK_CONNECTOR, CN_IDX_PROC.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "driver/host/sources/activity_source.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::sources {

enum class KernelEventKind : std::uint8_t { kFork, kExec, kExit };

struct KernelEvent {
    KernelEventKind kind = KernelEventKind::kFork;
    std::uint32_t thread = 0;       // fork: of the new thread
    std::uint32_t process = 0;      // thread group of `thread`
    std::uint32_t parent = 0;       // fork: thread group of the parent
    std::int64_t monotonic = 0;     // CLOCK_MONOTONIC, nanoseconds
    std::uint32_t wait_status = 0;  // exit: of the thread, which is that of its process when it is the last one
};

// A subscription. One thread at a time; the counters are that thread's too.
//
// Loss: the kernel numbers the events of each CPU. No filter is attached to the socket, not even for
// the kinds nobody wants here, because then a hole in the numbers is exactly what the kernel dropped.
class ConnectorSocket {
  public:
    // Subscribes, and proves with a child process of its own that events arrive: inside a container
    // the subscription succeeds and stays silent. Blocks for at most a few seconds then.
    std::optional<SourceError> open();

    // Readable when receive() has something.
    int descriptor() const { return socket_.get(); }

    // Makes the kernel number an event on each CPU that this process may use, by a thread that ends there: a hole
    // shows only once a later number has come, and on an idle CPU nothing else may happen for long. Waits for nothing.
    static void touch_every_cpu();

    // Takes what has arrived without waiting. False: nothing more for now. The span is valid until the
    // next call and may be empty even when this returns true.
    bool receive(std::span<const KernelEvent>& events);

    // Events that the kernel could not deliver, as far as the numbers show.
    std::uint64_t dropped() const { return dropped_; }
    // Times the kernel reported that it dropped some.
    std::uint64_t overruns() const { return overruns_; }

  private:
    static constexpr std::size_t kBatch = 32;
    // One event fills 76 bytes; acknowledgements are shorter.
    static constexpr std::size_t kDatagramBytes = 256;
    using Datagram = std::array<std::byte, kDatagramBytes>;

    std::optional<SourceError> subscribe();
    bool delivers();
    void decode(std::span<const std::byte> datagram);
    void count_gap(std::uint32_t cpu, std::uint32_t number);

    UniqueFd socket_;
    std::array<Datagram, kBatch> datagrams_{};
    std::vector<KernelEvent> events_;
    std::vector<std::optional<std::uint32_t>> last_number_;  // by CPU
    std::uint64_t dropped_ = 0;
    std::uint64_t overruns_ = 0;
};

}  // namespace aegis::host::sources
