// What both fuzzers of the driver share: a driver with a well-behaved consumer, to which nothing may happen whatever
// the others do.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {

// Ends the process, which is how libFuzzer learns of a finding.
[[noreturn]] inline void found(const char* what) {
    std::fprintf(stderr, "FOUND: %s\n", what);
    std::abort();
}

inline void require(bool condition, const char* what) {
    if (!condition) {
        found(what);
    }
}

// A ring consumer that reads everything, and a pull handle that sees the counters.
class Bystander {
  public:
    explicit Bystander(TestHost& host) : client_(host) {
        require(NT_SUCCESS(client_.open()), "the bystander cannot open the device");
        const SetupResult setup = client_.setup();
        require(NT_SUCCESS(setup.status), "the bystander cannot become a consumer");
        reader_ = ring::Consumer<>(ring_of(setup.reply), {});
    }

    // Reads what is there; every event must be the next one.
    void read() {
        ring::EventBuffer event;
        for (;;) {
            const std::uint64_t cursor = reader_.cursor();
            switch (reader_.read(event)) {
                case ring::ReadStatus::kEmpty:
                    return;
                case ring::ReadStatus::kEvent:
                    require(event.header().Sequence == static_cast<std::uint32_t>(cursor + 1) &&
                                event.header().Size == event.size(),
                            "the bystander read a wrong event");
                    details_ += event.header().Type == AEGIS_EVENT_PROCESS_DETAILS ? 1 : 0;
                    break;
                case ring::ReadStatus::kLapped:
                    break;
            }
        }
    }

    // Nobody has taken anything from it, and the counters reconcile.
    void check() {
        read();
        require(reader_.delivered() + reader_.lost() == reader_.cursor(), "the bystander's counts do not add up");
        require(client_.mappings().size() == 2, "the bystander lost a mapping");
        const QueryResult query = client_.query();
        require(NT_SUCCESS(query.status), "the bystander's query failed");
        require(query.reply->Published == reader_.cursor(), "the bystander missed events");
        std::uint64_t published = client_.get_policy().reply->Notes;
        for (const AEGIS_CALLBACK_HEALTH& row : query.reply->Callbacks) {
            require(row.Seen == row.Published + row.Filtered + row.Limited + row.Merged + row.Lost,
                    "a row does not add up");
            published += row.Published;
        }
        // Details are part of what is told of a process, and in no row; some may be among those that were overwritten.
        published += details_;
        require(query.reply->Published >= published && query.reply->Published <= published + reader_.lost(),
                "events went uncounted");
        require(query.reply->State == AEGIS_RING_RUNNING, "the driver stopped");
    }

  private:
    Client client_;
    ring::Consumer<> reader_;
    std::uint64_t details_ = 0;  // AEGIS_EVENT_PROCESS_DETAILS that it has read
};

}  // namespace aegis::test
