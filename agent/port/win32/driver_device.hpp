// AegisMon on Windows: \\.\AegisMon.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "agent/port/port.hpp"
#include "agent/port/win32/driver_requests.hpp"
#include "agent/port/win32/service_watch.hpp"
#include "agent/port/win32/unique_handle.hpp"

namespace aegis::agent {

class DriverDevice final : public Device {
  public:
    // `interrupt` ends waits while it is signalled, which a driver that is stopped does, too; it outlives the device.
    static std::optional<Failure> open(const DeviceChoice& choice, const Patience& patience, HANDLE interrupt, Log& log,
                                       std::unique_ptr<Device>& device);

    IoResult control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                     std::chrono::nanoseconds limit) override;
    std::uint64_t event_handle() const override;
    WaitStatus wait(Timeout timeout) override;
    bool driver_is_stopping() const override { return service_.stopping(); }
    std::string describe(std::uint32_t code) const override;
    std::optional<Failure> close() override;

  private:
    DriverDevice(HANDLE interrupt, UniqueHandle device)
        : interrupt_(interrupt),
          device_(std::move(device)),
          requests_(std::make_unique<DriverRequests>(device_.get(), interrupt, kGraceAtTheEnd)),
          service_(interrupt) {}

    HANDLE interrupt_;
    UniqueHandle device_;
    UniqueHandle event_;
    std::unique_ptr<DriverRequests> requests_;
    ServiceWatch service_;
};

}  // namespace aegis::agent
