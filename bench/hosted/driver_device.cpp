#include "hosted/driver_device.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace aegis::bench {

DriverDevice::DriverDevice(LoadedDriver& loaded)
    : client_(loaded), bell_(client_.make_bell()), interrupt_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

DriverDevice::~DriverDevice() {
    close(interrupt_);
}

client::IoResult DriverDevice::control(std::uint32_t code, std::span<const std::byte> request,
                                       std::span<std::byte> reply, std::chrono::nanoseconds /*limit*/) {
    const host::IoResult result = client_.control(code, request, reply);
    const client::IoStatus status = NT_SUCCESS(result.status) ? client::IoStatus::kOk : client::IoStatus::kFailed;
    return {status, result.information, static_cast<std::uint32_t>(result.status)};
}

client::WaitStatus DriverDevice::wait(client::Timeout timeout) {
    pollfd ends[] = {{interrupt_, POLLIN, 0}, {client_.bell(), POLLIN, 0}};
    timespec limit{};
    if (timeout) {
        limit = {timeout->count() / kSecond, timeout->count() % kSecond};
    }
    if (ppoll(ends, 2, timeout ? &limit : nullptr, nullptr) <= 0) {
        return client::WaitStatus::kTimeout;
    }
    if (ends[0].revents != 0) {
        return client::WaitStatus::kInterrupted;
    }
    client_.take_signals();
    return client::WaitStatus::kSignalled;
}

client::WaitStatus DriverDevice::look() {
    pollfd end{interrupt_, POLLIN, 0};
    return poll(&end, 1, 0) > 0 ? client::WaitStatus::kInterrupted : client::WaitStatus::kTimeout;
}

void DriverDevice::interrupt() {
    eventfd_write(interrupt_, 1);
}

void DriverDevice::resume() {
    eventfd_t value = 0;
    eventfd_read(interrupt_, &value);
}

std::string DriverDevice::describe(std::uint32_t code) const {
    return fmt::format("0x{:08x}", code);
}

LibraryClient open_device(std::unique_ptr<client::Device> device, std::uint32_t transport) {
    const auto open = [&](const client::DeviceChoice&, const client::OpenLimit&,
                          std::unique_ptr<client::Device>& opened) -> std::optional<client::Error> {
        opened = std::move(device);
        return std::nullopt;
    };
    aegis_options options = {};
    options.size = sizeof(options);
    options.transport = transport;
    options.poll_ms = 1;
    aegis_client* opened = nullptr;
    if (client::open_client(&options, open, &opened) != AEGIS_OK) {
        throw std::runtime_error(aegis_last_error());
    }
    return LibraryClient(opened);
}

}  // namespace aegis::bench
