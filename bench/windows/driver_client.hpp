// A handle to the test build of the driver, which publishes on request; and the ring, where it can be mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "aegis/ioctl.h"
#include "aegis/ring/doorbell.hpp"
#include "aegis/ring/region.hpp"
#include "agent/client/win32/unique_handle.hpp"

namespace aegis::bench {

class DriverClient {
  public:
    // Null, and `why` says what is wrong and what to do, without a driver that answers and publishes.
    static std::unique_ptr<DriverClient> open(std::string* why);

    // Becomes a ring consumer. False, and `why` says the reason, where the ring cannot be mapped.
    bool attach(std::string* why);

    // Publishes `pairs` times two events: the start of a process, and its end. Any thread. Ends the program with a
    // message when the driver refuses, as every call below does: nothing can be measured then.
    void publish(std::uint32_t pairs);

    // One pull IOCTL; the bytes it filled.
    std::size_t pull(std::span<std::byte> buffer);

    AEGIS_QUERY_REPLY query();

    // Only after attach.
    const ring::RingMemory<>& memory() const { return memory_; }
    ring::DoorbellListener<> listener() const;
    // Until the bell rings, a second at most.
    void wait() const;

  private:
    DriverClient() = default;

    // An error number of Windows; 0: done.
    std::uint32_t control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                          std::size_t* bytes);
    template <class Request>
    std::uint32_t send(std::uint32_t code, const Request& request, std::span<std::byte> reply = {});

    client::UniqueHandle device_;
    client::UniqueHandle bell_;
    ring::RingMemory<> memory_;
    AEGIS_CONSUMER_PAGE* page_ = nullptr;
};

}  // namespace aegis::bench
