// AegisMon as a Linux process sees it: hosted by aegismon-host, reached through its socket.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "agent/port/linux/embedded_host.hpp"
#include "agent/port/linux/interrupt_event.hpp"
#include "agent/port/port.hpp"
#include "driver/host/client/client.hpp"

namespace aegis::agent {

class HostDevice final : public Device {
  public:
    // Opens the driver of the host that `choice` names, or of one started for this agent. `interrupt` ends waits while
    // it is set, which a driver that is stopped does, too; it outlives the device.
    static std::optional<Failure> open(const DeviceChoice& choice, const Patience& patience, InterruptEvent& interrupt,
                                       Log& log, std::unique_ptr<Device>& device);

    IoResult control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                     std::chrono::nanoseconds limit) override;
    std::uint64_t event_handle() const override { return event_.handle(); }
    WaitStatus wait(Timeout timeout) override;
    bool driver_is_stopping() const override;
    std::string describe(std::uint32_t code) const override;
    std::optional<Failure> close() override;

  private:
    explicit HostDevice(InterruptEvent& interrupt) : interrupt_(interrupt) {}
    std::optional<Failure> open_driver(const Patience& patience);
    host::client::CallLimit limited(std::chrono::nanoseconds limit) const;
    host::client::NtStatus pull(std::span<std::byte> reply, host::client::CallLimit limit, std::size_t& bytes);

    InterruptEvent& interrupt_;
    std::unique_ptr<EmbeddedHost> host_;  // null: somebody else's
    std::unique_ptr<host::client::Connection> connection_;
    host::client::Handle handle_ = 0;
    host::client::Event event_;
    bool pull_given_up_ = false;  // of the thread that pulls
    // The grace at the end was used up once: no other request waits for it again. Relaxed, it orders nothing.
    std::atomic<bool> grace_used_{false};
    host::UniqueFd stopping_;  // readable when the service is stopped
};

}  // namespace aegis::agent
