// Lets Linux processes be NT processes of the executive.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "driver/host/executive/executive.hpp"
#include "driver/host/server/connection.hpp"
#include "driver/host/server/line_report.hpp"
#include "driver/host/server/listener.hpp"
#include "driver/host/server/process_table.hpp"
#include "driver/host/server/service_state.hpp"
#include "driver/host/sources/stop_signal.hpp"

namespace aegis::host::server {

// One thread accepts connections and buries processes that have ended; every connection has a thread.
// uid 0 and the uid that runs the host are administrators, everybody else is an ordinary user.
class Server {
  public:
    // `report` receives lines for the operator, without newline, from any thread.
    Server(Executive& executive, std::function<void(std::string_view line)> report);
    // Stops.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // `source_reports_ends`: the ends of real processes, clients among them, are also reported through
    // processes(). Returns what went wrong, one line. Once.
    std::optional<std::string> start(const std::string& path, bool source_reports_ends);

    // Tells every client that watches that the service is to stop: the driver unloads when the last handle is closed.
    // Clients are served as before. One thread; harmless twice.
    void announce_stop() { service_.announce_stop(); }

    // Tells every client that the device goes away, ends the connections and closes the handles of all
    // clients, so that the driver can be unloaded. Harmless when not started, or twice.
    void stop();

    ProcessTable& processes() { return processes_; }

  private:
    void run();
    void accept_all();
    void accept_one(UniqueFd socket);
    void refuse_for_descriptors(UniqueFd socket);
    bool has_room_for(const Peer& peer) const;
    void reap();

    Executive& executive_;
    LineReport report_;
    ProcessTable processes_;
    ServiceState service_;
    Listener listener_;
    sources::StopSignal stop_;
    UniqueFd finished_;                                   // eventfd: a connection's thread is about to end
    std::list<std::unique_ptr<Connection>> connections_;  // of the server's thread
    std::thread thread_;
};

}  // namespace aegis::host::server
