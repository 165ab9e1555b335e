// One connection of a client process: a thread of it, inside the host.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <thread>
#include <vector>

#include "driver/host/client/protocol.hpp"
#include "driver/host/executive/executive.hpp"
#include "driver/host/server/client_address_space.hpp"
#include "driver/host/server/client_process.hpp"
#include "driver/host/server/line_report.hpp"
#include "driver/host/server/message_socket.hpp"
#include "driver/host/server/process_table.hpp"
#include "driver/host/server/service_state.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::server {

// Reads requests, makes the system calls, sends replies, all on a thread of its own. Whatever the client
// does, the worst for the others is that this thread ends.
class Connection {
  public:
    // `finished` is called from the connection's thread as the last thing it does.
    Connection(Executive& executive, ProcessTable& processes, const ServiceState& service, LineReport& report,
               UniqueFd socket, Peer peer, std::function<void()> finished);
    // hang_up() must have been called, or the client be gone.
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Any thread. The request that is served is finished, its reply sent, and none follows.
    void hang_up();
    bool finished() const { return finished_.load(std::memory_order_acquire); }

    uid_t user() const { return user_; }
    Account account() const { return account_; }

  private:
    // What goes back for one request.
    struct Answer {
        NTSTATUS status = STATUS_SUCCESS;
        std::uint64_t value = 0;
        std::span<const std::byte> output = {};
        UniqueFd descriptor = {};
    };
    using Bytes = std::span<const std::byte>;

    void run();
    // False: the connection has to end.
    bool serve(Bytes message);
    Delivery answer(std::uint16_t operation, const Answer& answer, const MappingChanges& changes);
    void leave();
    void complain(std::string_view what);

    Answer dispatch(protocol::Operation operation, Bytes message);
    Answer hello(const protocol::HelloRequest& request);
    Answer open_file(const protocol::OpenFileRequest& request, Bytes path);
    Answer device_io_control(const protocol::DeviceIoControlRequest& request, Bytes input);
    Answer close_handle(const protocol::CloseRequest& request);
    Answer create_event(const protocol::CreateEventRequest& request);
    Answer duplicate(const protocol::DuplicateRequest& request);
    Answer open_process(const protocol::OpenProcessRequest& request);
    Answer watch_service();
    // Closes `result` again when the owner cannot keep it.
    Answer keep(ClientProcess& owner, const HandleResult& result);

    Executive& executive_;
    ProcessTable& processes_;
    const ServiceState& service_;
    LineReport& report_;
    MessageSocket socket_;
    Peer peer_;  // moves to the ClientProcess at the hello, but for its numbers
    const std::uint32_t pid_;
    const uid_t user_;
    const Account account_;
    const std::function<void()> on_finished_;
    ClientProcessRef process_;  // null before the hello
    UniqueFd notices_;
    std::vector<std::byte> request_buffer_;
    std::vector<std::byte> output_buffer_;
    // Pairs the release store that is the thread's last word with the acquire load in finished().
    std::atomic<bool> finished_{false};
    std::thread thread_;
};

}  // namespace aegis::host::server
