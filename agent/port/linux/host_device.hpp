// AegisMon as a Linux process sees it: hosted by aegismon-host, reached through its socket.
#pragma once

#include <memory>
#include <optional>

#include "agent/port/linux/embedded_host.hpp"
#include "agent/port/port.hpp"
#include "driver/host/client/client.hpp"

namespace aegis::agent {

class HostDevice final : public Device {
  public:
    // Opens the driver of the host that `choice` names, or of one started for this agent. `interrupt_fd` ends waits
    // while it is readable, and outlives the device.
    static std::optional<Failure> open(const DeviceChoice& choice, int interrupt_fd, std::unique_ptr<Device>& device);

    IoResult control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply) override;
    std::uint64_t event_handle() const override { return event_.handle(); }
    WaitStatus wait(Timeout timeout) override;
    std::string describe(std::uint32_t code) const override;
    std::optional<Failure> close() override;

  private:
    explicit HostDevice(int interrupt_fd) : interrupt_fd_(interrupt_fd) {}
    std::optional<Failure> connect(const std::string& path);
    std::optional<Failure> open_driver();

    const int interrupt_fd_;
    std::unique_ptr<EmbeddedHost> host_;  // null: somebody else's
    std::unique_ptr<host::client::Connection> connection_;
    host::client::Handle handle_ = 0;
    host::client::Event event_;
};

}  // namespace aegis::agent
