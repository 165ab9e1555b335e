#include "hosted/loaded_driver.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "driver/host/executive/memory/local_address_space.hpp"

extern "C" DRIVER_INITIALIZE DriverEntry;

namespace aegis::bench {
namespace {

void require(NTSTATUS status, const char* step) {
    if (!NT_SUCCESS(status)) {
        fmt::print(stderr, "aegis-bench: cannot {}: 0x{:08x}\n", step, static_cast<std::uint32_t>(status));
        std::exit(1);
    }
}

std::uint32_t next_process_id() {
    static std::atomic<std::uint32_t> id = 4;
    return id.fetch_add(4, std::memory_order_relaxed);
}

}  // namespace

LoadedDriver::LoadedDriver(std::uint32_t ring_kib, const std::map<std::string, void*>& exports)
    : executive_({.debug_print = [](ULONG, std::string_view) {}, .other_exports = exports}) {
    host::ServiceOptions service;
    service.parameters[u"RingKiB"] = host::registry_dword(ring_kib);
    require(executive_.load_driver(DriverEntry, service), "load the driver");
}

LoadedDriver::~LoadedDriver() {
    executive_.unload_driver();
}

DriverClient::DriverClient(LoadedDriver& loaded)
    : executive_(loaded.executive()),
      process_(executive_.create_process(next_process_id(), host::Account::kAdministrator,
                                         std::make_unique<host::LocalAddressSpace>())) {
    const host::HandleResult opened = executive_.open(*process_, u"\\??\\AegisMon", FILE_READ_DATA | FILE_WRITE_DATA);
    require(opened.status, "open the device");
    device_ = opened.handle;
}

DriverClient::~DriverClient() {
    executive_.exit_process(process_);
}

std::uint64_t DriverClient::make_bell() {
    const host::EventResult event = executive_.create_event(*process_, SynchronizationEvent, false);
    require(event.status, "create an event");
    bell_ = event.descriptor;
    return event.handle;
}

void DriverClient::attach() {
    AEGIS_RING_SETUP_REQUEST request{};
    request.Header.Version = AEGIS_CONTROL_VERSION;
    request.Header.Bytes = sizeof(request);
    request.EventHandle = make_bell();
    AEGIS_RING_SETUP_REPLY reply{};
    require(control(AEGIS_IOCTL_RING_SETUP, std::as_bytes(std::span(&request, 1)),
                    std::as_writable_bytes(std::span(&reply, 1)))
                .status,
            "set the ring up");
    memory_ = ring::open_region(reinterpret_cast<void*>(reply.RingAddress), reply.RingBytes).memory;
    page_ = reinterpret_cast<AEGIS_CONSUMER_PAGE*>(reply.ConsumerPageAddress);
}

ring::DoorbellListener<> DriverClient::listener() const {
    using Word = ring::DoorbellListener<>::Word;
    return {reinterpret_cast<Word*>(&page_->WakeAt), reinterpret_cast<Word*>(&page_->Cursor)};
}

bool DriverClient::wait(Nanoseconds timeout) {
    pollfd bell{bell_, POLLIN, 0};
    const timespec limit{timeout / kSecond, timeout % kSecond};
    if (ppoll(&bell, 1, &limit, nullptr) <= 0) {
        return false;
    }
    take_signals();
    return true;
}

void DriverClient::take_signals() {
    char signals[16];
    while (read(bell_, signals, sizeof(signals)) == sizeof(signals)) {
    }
}

std::size_t DriverClient::pull(std::span<std::byte> buffer) {
    return control(AEGIS_IOCTL_GET_EVENTS, {}, buffer).information;
}

host::IoResult DriverClient::control(std::uint32_t code, std::span<const std::byte> input,
                                     std::span<std::byte> output) {
    return executive_.device_control(*process_, device_, code, input, output);
}

}  // namespace aegis::bench
