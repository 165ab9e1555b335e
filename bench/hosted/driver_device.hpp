// The loaded driver as libaegis sees a driver: requests, a doorbell that can be waited for, an interrupt.
#pragma once

#include <memory>

#include "agent/client/open.hpp"
#include "hosted/loaded_driver.hpp"
#include "hosted/ring_device.hpp"

namespace aegis::bench {

class DriverDevice : public client::Device {
  public:
    explicit DriverDevice(LoadedDriver& loaded);
    ~DriverDevice() override;

    client::IoResult control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                             std::chrono::nanoseconds limit) override;
    std::uint64_t event_handle() const override { return bell_; }
    client::WaitStatus wait(client::Timeout timeout) override;
    client::WaitStatus look() override;
    void interrupt() override;
    void resume() override;
    bool driver_is_stopping() const override { return false; }
    std::uint64_t stop_signal() const override { return 0; }
    std::string describe(std::uint32_t code) const override;
    std::uint32_t process_id() const override { return 0; }

  private:
    DriverClient client_;
    const std::uint64_t bell_;
    const int interrupt_;  // an eventfd
};

// A client of the library that reads through `device` from the first event on, by AEGIS_TRANSPORT_…; a pull asks once a
// millisecond. What the device refers to outlives it.
LibraryClient open_device(std::unique_ptr<client::Device> device, std::uint32_t transport);

}  // namespace aegis::bench
