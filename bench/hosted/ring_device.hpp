// A driver that is nothing but a ring in this process's memory, for libaegis: what reading through the library costs,
// and nothing of an operating system's.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>

#include "aegis/client.h"
#include "agent/client/open.hpp"

namespace aegis::bench {

// Its doorbell is never needed: who sleeps finds that the driver is gone.
class RingDevice final : public client::Device {
  public:
    // `region` has been formatted.
    RingDevice(const void* region, std::size_t bytes) : region_(region), bytes_(bytes) {
        std::memcpy(&identity_, region, sizeof(identity_));
    }

    client::IoResult control(std::uint32_t code, std::span<const std::byte>, std::span<std::byte> reply,
                             std::chrono::nanoseconds) override {
        return code == AEGIS_IOCTL_QUERY ? answer(query(), reply) : answer(setup(), reply);
    }
    std::uint64_t event_handle() const override { return 0; }
    client::WaitStatus wait(client::Timeout) override { return client::WaitStatus::kDriverGone; }
    client::WaitStatus look() override { return client::WaitStatus::kTimeout; }
    void interrupt() override {}
    void resume() override {}
    bool driver_is_stopping() const override { return false; }
    std::uint64_t stop_signal() const override { return 0; }
    std::string describe(std::uint32_t) const override { return ""; }
    std::uint32_t process_id() const override { return 0; }

  private:
    template <class Reply>
    static client::IoResult answer(const Reply& own, std::span<std::byte> reply) {
        std::memcpy(reply.data(), &own, sizeof(own));
        return {client::IoStatus::kOk, sizeof(own), 0};
    }
    AEGIS_QUERY_REPLY query() const {
        AEGIS_QUERY_REPLY reply{};
        reply.Version = AEGIS_CONTROL_VERSION;
        reply.Bytes = sizeof(reply);
        std::memcpy(reply.SessionId, identity_.SessionId, sizeof(reply.SessionId));
        reply.HeadBytes = AEGIS_QUERY_HEAD_BYTES;
        reply.CallbackRows = {offsetof(AEGIS_QUERY_REPLY, Callbacks), 0, sizeof(AEGIS_CALLBACK_HEALTH)};
        reply.ConsumerRows = {offsetof(AEGIS_QUERY_REPLY, Consumers), 0, sizeof(AEGIS_CONSUMER_INFO)};
        return reply;
    }
    AEGIS_RING_SETUP_REPLY setup() {
        AEGIS_RING_SETUP_REPLY reply{};
        reply.Version = AEGIS_CONTROL_VERSION;
        reply.Bytes = sizeof(reply);
        reply.RingAddress = reinterpret_cast<std::uintptr_t>(region_);
        reply.RingBytes = bytes_;
        reply.ConsumerPageAddress = reinterpret_cast<std::uintptr_t>(&page_);
        reply.ConsumerPageBytes = sizeof(page_);
        reply.HeaderBytes = identity_.HeaderBytes;
        reply.CellBytes = identity_.CellBytes;
        reply.CellCount = identity_.CellCount;
        reply.AbiMajor = identity_.AbiMajor;
        reply.AbiMinor = identity_.AbiMinor;
        std::memcpy(reply.SessionId, identity_.SessionId, sizeof(reply.SessionId));
        return reply;
    }

    const void* region_;
    std::size_t bytes_;
    AEGIS_RING_IDENTITY identity_;
    AEGIS_CONSUMER_PAGE page_{};
};

struct CloseClient {
    void operator()(aegis_client* client) const { aegis_close(client); }
};
using LibraryClient = std::unique_ptr<aegis_client, CloseClient>;

// A client of the library that reads the ring in `region` from its first event on. The region outlives it.
inline LibraryClient open_ring(const void* region, std::size_t bytes) {
    const auto open_device = [&](const client::DeviceChoice&, const client::OpenLimit&,
                                 std::unique_ptr<client::Device>& device) -> std::optional<client::Error> {
        device = std::make_unique<RingDevice>(region, bytes);
        return std::nullopt;
    };
    aegis_client* opened = nullptr;
    if (client::open_client(nullptr, open_device, &opened) != AEGIS_OK) {
        throw std::runtime_error(aegis_last_error());
    }
    return LibraryClient(opened);
}

}  // namespace aegis::bench
