#include "driver/host/server/connection.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <utility>

namespace aegis::host::server {

Connection::Connection(Executive& executive, ProcessTable& processes, const ServiceState& service, LineReport& report,
                       UniqueFd socket, Peer peer, std::function<void()> finished)
    : executive_(executive),
      processes_(processes),
      service_(service),
      report_(report),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      pid_(peer_.pid),
      user_(peer_.user),
      account_(peer_.account),
      on_finished_(std::move(finished)),
      request_buffer_(protocol::kMaxRequestBytes),
      thread_([this] { run(); }) {}

Connection::~Connection() {
    thread_.join();
}

void Connection::hang_up() {
    shutdown(socket_.descriptor(), SHUT_RD);
}

void Connection::complain(std::string_view what) {
    report_(fmt::format("client {} (uid {}): {}; disconnected", pid_, user_, what));
}

void Connection::run() {
    bool going_on = true;
    while (going_on) {
        const Received received = socket_.receive(request_buffer_);
        switch (received.reception) {
            case Reception::kMessage:
                if (received.sender != pid_) {
                    complain(fmt::format("a message came from process {}, which did not connect", received.sender));
                    going_on = false;
                } else {
                    going_on = serve(received.bytes);
                }
                break;
            case Reception::kTooLong:
                complain(fmt::format("a message is longer than {} bytes", request_buffer_.size()));
                going_on = false;
                break;
            case Reception::kWithDescriptors:
                complain("a message carries descriptors");
                going_on = false;
                break;
            case Reception::kEnd:
                going_on = false;
                break;
        }
    }
    leave();
    finished_.store(true, std::memory_order_release);
    on_finished_();
}

bool Connection::serve(Bytes message) {
    protocol::RequestHeader header;
    if (message.size() < sizeof(header)) {
        complain("a message is shorter than its header");
        return false;
    }
    std::memcpy(&header, message.data(), sizeof(header));
    if (header.magic != protocol::kMagic) {
        complain("a message does not begin like one");
        return false;
    }
    MappingChanges changes;
    if (header.version != protocol::kVersion) {
        answer(header.operation, {.status = STATUS_REVISION_MISMATCH}, changes);
        complain(fmt::format("it speaks protocol version {}, not {}", header.version, protocol::kVersion));
        return false;
    }
    Answer result;
    if (header.bytes != message.size()) {
        result.status = STATUS_INFO_LENGTH_MISMATCH;
    } else if (header.reserved != 0) {
        result.status = STATUS_INVALID_PARAMETER;
    } else if (process_) {
        const CallScope scope(*process_->board(), changes);
        result = dispatch(static_cast<protocol::Operation>(header.operation), message);
    } else {
        result = dispatch(static_cast<protocol::Operation>(header.operation), message);
    }
    const Delivery delivery = answer(header.operation, result, changes);
    if (delivery == Delivery::kNotRead) {
        complain("it does not read its replies");
    }
    // A refused hello leaves nothing to try again with.
    const bool refused = !process_ && !peer_.process;
    return delivery == Delivery::kSent && !refused;
}

Delivery Connection::answer(std::uint16_t operation, const Answer& answer, const MappingChanges& changes) {
    const Bytes maps = std::as_bytes(std::span(changes.maps));
    const Bytes unmaps = std::as_bytes(std::span(changes.unmaps));
    const std::size_t bytes = sizeof(protocol::Reply) + maps.size() + unmaps.size() + answer.output.size();
    const protocol::Reply reply = {.magic = protocol::kMagic,
                                   .version = protocol::kVersion,
                                   .operation = operation,
                                   .bytes = static_cast<std::uint32_t>(bytes),
                                   .status = answer.status,
                                   .value = answer.value,
                                   .output_bytes = static_cast<std::uint32_t>(answer.output.size()),
                                   .maps = static_cast<std::uint16_t>(changes.maps.size()),
                                   .unmaps = static_cast<std::uint16_t>(changes.unmaps.size())};
    std::vector<int> descriptors;
    if (answer.descriptor) {
        descriptors.push_back(answer.descriptor.get());
    }
    for (const UniqueFd& memory : changes.memory) {
        descriptors.push_back(memory.get());
    }
    const std::array<Bytes, 4> parts = {std::as_bytes(std::span(&reply, 1)), maps, unmaps, answer.output};
    return socket_.send(parts, descriptors);
}

// The handles of a process that disconnects and lives on are closed here.
void Connection::leave() {
    if (!process_) {
        return;
    }
    for (const ProcessHandle handle : process_->disconnect(socket_.descriptor())) {
        executive_.close(process_->process(), handle);
    }
}

}  // namespace aegis::host::server
