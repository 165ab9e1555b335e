// AegisMon on Windows: \\.\AegisMon.
#pragma once

#include <memory>
#include <optional>

#include "agent/port/port.hpp"
#include "agent/port/win32/unique_handle.hpp"

namespace aegis::agent {

class DriverDevice final : public Device {
  public:
    // `interrupt` ends waits while it is signalled, and outlives the device.
    static std::optional<Failure> open(const DeviceChoice& choice, HANDLE interrupt, std::unique_ptr<Device>& device);

    IoResult control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply) override;
    std::uint64_t event_handle() const override;
    WaitStatus wait(Timeout timeout) override;
    std::string describe(std::uint32_t code) const override;
    std::optional<Failure> close() override;

  private:
    explicit DriverDevice(HANDLE interrupt) : interrupt_(interrupt) {}

    HANDLE interrupt_;
    UniqueHandle device_;
    UniqueHandle event_;
};

// For WaitForMultipleObjects: rounded up, so that a wait never ends early.
DWORD wait_milliseconds(Timeout timeout);

}  // namespace aegis::agent
