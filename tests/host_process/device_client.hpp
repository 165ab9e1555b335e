// What a sensor's client does with the device, in a few words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "aegis/ioctl.h"
#include "driver/host/client/client.hpp"

namespace aegis::test {

using host::client::NtStatus;

struct RingConsumer {
    NtStatus status = 0;
    AEGIS_RING_SETUP_REPLY reply{};
    host::client::Event event;

    const AEGIS_RING_HEADER* header() const { return reinterpret_cast<const AEGIS_RING_HEADER*>(reply.RingAddress); }
    AEGIS_CONSUMER_PAGE* page() const { return reinterpret_cast<AEGIS_CONSUMER_PAGE*>(reply.ConsumerPageAddress); }
    std::uint64_t published() const { return __atomic_load_n(&header()->Published, __ATOMIC_ACQUIRE); }
};

// A connection with the device open. `status` of the step that failed, when one did.
class DeviceClient {
  public:
    explicit DeviceClient(const std::string& path,
                          std::uint32_t access = host::client::kGenericRead | host::client::kGenericWrite);

    NtStatus status() const { return status_; }
    host::client::Connection& connection() { return *connection_; }
    host::client::Handle device() const { return device_; }
    void disconnect() { connection_.reset(); }

    RingConsumer setup_ring(host::client::EventKind kind = host::client::EventKind::kAutoReset);
    AEGIS_QUERY_REPLY query(NtStatus& status);
    // Ring consumers of this process, as the driver counts them.
    std::size_t ring_consumers_of(pid_t pid);
    // The events that one pull returns.
    std::vector<std::vector<std::byte>> pull();

  private:
    std::unique_ptr<host::client::Connection> connection_;
    host::client::Handle device_ = 0;
    NtStatus status_ = 0;
};

// Whether this process can read a byte there.
bool is_readable(std::uint64_t address);

}  // namespace aegis::test
