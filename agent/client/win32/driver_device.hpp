// AegisMon on Windows: \\.\AegisMon.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/client/device.hpp"
#include "agent/client/win32/driver_requests.hpp"
#include "agent/client/win32/interrupts.hpp"
#include "agent/client/win32/service_watch.hpp"
#include "agent/client/win32/unique_handle.hpp"

namespace aegis::client {

class DriverDevice final : public Device {
  public:
    static std::optional<Error> open(const DeviceChoice& choice, const OpenLimit& limit,
                                     std::unique_ptr<Device>& device);
    ~DriverDevice() override;
    DriverDevice(const DriverDevice&) = delete;
    DriverDevice& operator=(const DriverDevice&) = delete;

    IoResult control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                     std::chrono::nanoseconds limit) override;
    std::uint64_t event_handle() const override;
    WaitStatus wait(Timeout timeout) override;
    WaitStatus look() override;
    void interrupt() override { SetEvent(interrupt_.get()); }
    void resume() override;
    bool driver_is_stopping() const override { return service_->stopping(); }
    std::uint64_t stop_signal() const override;
    std::string not_watched() const override { return not_watched_; }
    std::string describe(std::uint32_t code) const override;
    std::uint32_t process_id() const override { return GetCurrentProcessId(); }

  private:
    DriverDevice() = default;
    std::optional<Error> create_events();
    Interrupts interrupts() const { return {interrupt_.get(), external_, stop_.get()}; }
    // kInterrupted, kStopping, or kTimeout for neither.
    WaitStatus reason() const;

    UniqueHandle interrupt_;  // manual-reset
    HANDLE external_ = nullptr;
    UniqueHandle stop_;  // manual-reset
    UniqueHandle event_;
    UniqueHandle device_;
    std::unique_ptr<DriverRequests> requests_;
    std::unique_ptr<ServiceWatch> service_;
    std::string not_watched_;
};

}  // namespace aegis::client
