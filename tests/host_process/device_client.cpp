#include "device_client.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <cstring>

namespace aegis::test {
namespace {

using host::client::succeeded;

template <typename Value>
std::span<const std::byte> bytes_of(const Value& value) {
    return std::as_bytes(std::span(&value, 1));
}

}  // namespace

DeviceClient::DeviceClient(const std::string& path, std::uint32_t access) {
    status_ = host::client::Connection::connect(path, connection_);
    if (succeeded(status_)) {
        status_ = connection_->open_file(AEGIS_LINK_NAME, access, device_);
    }
}

RingConsumer DeviceClient::setup_ring(host::client::EventKind kind) {
    RingConsumer consumer;
    consumer.status = connection_->create_event(kind, consumer.event);
    if (!succeeded(consumer.status)) {
        return consumer;
    }
    const AEGIS_RING_SETUP_REQUEST request = {
        {AEGIS_CONTROL_VERSION, sizeof(AEGIS_RING_SETUP_REQUEST)}, consumer.event.handle(), 0};
    std::size_t returned = 0;
    consumer.status = connection_->device_io_control(device_, AEGIS_IOCTL_RING_SETUP, bytes_of(request),
                                                     std::as_writable_bytes(std::span(&consumer.reply, 1)), returned);
    return consumer;
}

AEGIS_QUERY_REPLY DeviceClient::query(NtStatus& status) {
    const AEGIS_QUERY_REQUEST request = {{AEGIS_CONTROL_VERSION, sizeof(AEGIS_QUERY_REQUEST)}};
    AEGIS_QUERY_REPLY reply{};
    std::size_t returned = 0;
    status = connection_->device_io_control(device_, AEGIS_IOCTL_QUERY, bytes_of(request),
                                            std::as_writable_bytes(std::span(&reply, 1)), returned);
    return reply;
}

std::size_t DeviceClient::ring_consumers_of(pid_t pid) {
    NtStatus status = 0;
    const AEGIS_QUERY_REPLY reply = query(status);
    std::size_t count = 0;
    for (const AEGIS_CONSUMER_INFO& consumer : reply.Consumers) {
        count += consumer.Transport == AEGIS_TRANSPORT_RING && consumer.ProcessId == static_cast<std::uint32_t>(pid);
    }
    return count;
}

std::vector<std::vector<std::byte>> DeviceClient::pull() {
    std::vector<std::byte> buffer(std::size_t{64} * 1024);
    std::size_t returned = 0;
    std::vector<std::vector<std::byte>> events;
    if (!succeeded(connection_->device_io_control(device_, AEGIS_IOCTL_GET_EVENTS, {}, buffer, returned))) {
        return events;
    }
    for (std::size_t at = 0; at + sizeof(AEGIS_EVENT_HEADER) <= returned;) {
        AEGIS_EVENT_HEADER header;
        std::memcpy(&header, buffer.data() + at, sizeof(header));
        const auto begin = buffer.begin() + static_cast<std::ptrdiff_t>(at);
        events.emplace_back(begin, begin + header.Size);
        at += header.Size;
    }
    return events;
}

bool is_readable(std::uint64_t address) {
    std::byte byte{};
    const iovec here = {&byte, 1};
    const iovec there = {reinterpret_cast<void*>(address), 1};
    return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1;
}

}  // namespace aegis::test
