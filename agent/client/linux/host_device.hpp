// AegisMon as a Linux process sees it: hosted by aegismon-host, reached through its socket.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string_view>

#include "agent/client/device.hpp"
#include "agent/client/linux/wake.hpp"
#include "driver/host/client/client.hpp"

namespace aegis::client {

class HostDevice final : public Device {
  public:
    static std::optional<Error> open(const DeviceChoice& choice, const OpenLimit& limit,
                                     std::unique_ptr<Device>& device);
    ~HostDevice() override;
    HostDevice(const HostDevice&) = delete;
    HostDevice& operator=(const HostDevice&) = delete;

    IoResult control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                     std::chrono::nanoseconds limit) override;
    std::uint64_t event_handle() const override { return event_.handle(); }
    WaitStatus wait(Timeout timeout) override;
    WaitStatus look() override;
    void interrupt() override { wake_.interrupt(); }
    void resume() override;
    bool driver_is_stopping() const override { return wake_.stopping(); }
    std::uint64_t stop_signal() const override { return static_cast<std::uint64_t>(wake_.stopping_descriptor()); }
    std::string describe(std::uint32_t code) const override;
    std::uint32_t process_id() const override;

  private:
    HostDevice() = default;
    std::optional<Error> connect(std::string_view path, const OpenLimit& limit);
    std::optional<Error> open_driver(const OpenLimit& limit);
    host::client::CallLimit limited(std::chrono::nanoseconds limit) const;
    host::client::NtStatus pull(std::span<std::byte> reply, host::client::CallLimit limit, std::size_t& bytes);

    Wake wake_;
    std::unique_ptr<host::client::Connection> connection_;
    host::client::Handle handle_ = 0;
    host::client::Event event_;
    bool pull_given_up_ = false;  // of the thread that pulls
    // The grace at the end was used up once: no other request waits for it again. Relaxed, it orders nothing.
    std::atomic<bool> grace_used_{false};
};

}  // namespace aegis::client
