// What the workers do: each reads its share of the stream, and prints it, until RunControl says enough or nothing can
// follow.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "aegis/client.h"
#include "agent/app/log.hpp"
#include "agent/app/printer.hpp"
#include "agent/app/run_control.hpp"
#include "agent/port/port.hpp"

namespace aegis::agent {

// For one that wants what is kept: what it does not get because it came too late is no loss of its own, but said.
// `start` is that of aegis_info.
void say_where_it_starts(Log& log, std::uint64_t start);

class Reading {
  public:
    struct Parts {
        Port* port;
        Log* log;
        RunControl* control;
        aegis_client* client;                             // the first worker's; the others share it
        std::vector<std::unique_ptr<Printer>>* printers;  // one for each worker
        bool from_oldest;
    };

    // Everything outlives this.
    explicit Reading(const Parts& parts);

    // The body of worker `worker`'s thread.
    void run(std::size_t worker);

    // Events published by now: where a reader that is asked to finish may stop. Any thread.
    std::uint64_t published() const;

    // Events that wait to be read, as far as known. Any thread.
    std::uint64_t lag() const;

  private:
    // Enough that the way into the library costs nothing beside the events.
    static constexpr std::uint32_t kItemsPerVisit = 256;
    // Lines of --count that a worker takes at a time.
    static constexpr std::uint64_t kLinesAtATime = 64;

    // One worker, as its visits see it.
    struct Worker {
        const Reading* reading;
        Printer* printer;
        std::uint64_t reserved = 0;  // lines of --count that are this worker's to print
        bool at_limit = false;
    };

    static std::int32_t see(void* worker, const aegis_item* item);
    // False when no further item is wanted now.
    bool print(Worker& worker, const aegis_item& item) const;
    // False when --count is used up.
    bool reserve(Worker& worker) const;
    // What is at hand, or else what comes.
    std::int32_t visit(aegis_client* client, Worker& worker, bool& drained);
    // Why there is nothing more. False when reading ends with it.
    bool go_on(std::int32_t result);
    bool wait_on();
    // Once.
    void leave_unread() const;
    void fail(std::int32_t result);
    void note_answer();
    // Nobody wants what a reader that has left did not read. After any other failure what was published by then is
    // still read, and counted as unwritten.
    void end_if_output_failed(const Printer& printer);
    // A transport that learns it only with the first events.
    void say_late_start();

    Parts parts_;
    std::vector<Client> shares_;  // of the other workers
    std::uint32_t transport_ = 0;
    std::atomic<bool> start_said_;         // each of the two flags stands for itself: relaxed
    std::atomic<bool> unanswered_{false};  // the last question for events; said so
};

}  // namespace aegis::agent
