// A loaded driver, a client that sets policies, and what a reader is told of the processes that a test starts and ends.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "aegis/policy.h"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/policy_builder.hpp"

namespace aegis::test {

inline constexpr std::uint32_t kPid = kFirstFreePid;
inline constexpr std::int64_t kMs = 10'000;

class ProcessPolicy : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
        ASSERT_EQ(reader_.open(FILE_READ_DATA), STATUS_SUCCESS);
    }

    // After each test: everything seen became something, and what was published is in the ring, each with its details.
    void TearDown() override {
        const QueryResult query = reader_.query();
        ASSERT_EQ(query.status, STATUS_SUCCESS);
        const AEGIS_CALLBACK_HEALTH& row = query.reply->Callbacks[0];
        EXPECT_EQ(row.Seen, row.Published + row.Filtered + row.Limited + row.Merged + row.Lost);
        EXPECT_EQ(query.reply->Published, 2 * row.Published + policy().Notes);
    }

    void set(const PolicyBuilder& builder) { ASSERT_EQ(client_.set_policy(builder.blob()).status, STATUS_SUCCESS); }

    AEGIS_CALLBACK_HEALTH row() { return reader_.query().reply->Callbacks[0]; }
    AEGIS_GET_POLICY_REPLY policy() { return *reader_.get_policy().reply; }

    std::vector<ProcessEvent> events() { return events_in(reader_.pull(1 << 20).bytes); }

    // "start <pid>", "refused <pid>", "end <pid>", "limited <count>", "merged <count>".
    std::vector<std::string> told() {
        std::vector<std::string> lines;
        for (const ProcessEvent& event : events()) {
            if (event.header.Type == AEGIS_EVENT_SUPPRESSED) {
                const AEGIS_SUPPRESSED_PAYLOAD note = note_of(event);
                lines.push_back((note.Reason == AEGIS_SUPPRESSED_LIMITED ? "limited " : "merged ") +
                                std::to_string(note.Count));
                continue;
            }
            const bool refused = (event.payload.ImagePathFlags & AEGIS_PROCESS_REFUSED) != 0;
            const char* const what = event.header.Type == AEGIS_EVENT_PROCESS_EXIT ? "end "
                                     : refused                                     ? "refused "
                                                                                   : "start ";
            lines.push_back(what + std::to_string(event.payload.ProcessId - kPid));
        }
        return lines;
    }

    static AEGIS_SUPPRESSED_PAYLOAD note_of(const ProcessEvent& event) {
        AEGIS_SUPPRESSED_PAYLOAD note;
        std::memcpy(&note, &event.payload, sizeof(note));
        return note;
    }

    NTSTATUS start(std::uint32_t n, std::u16string_view path, std::uint32_t creator = 100, std::int64_t after = 0) {
        host::ProcessCreation creation;
        creation.pid = kPid + n;
        creation.parent = creator;
        creation.creator = creator;
        creation.creator_tid = creator + 4;
        creation.image_path = path;
        creation.timestamp = kActivityTime + after;
        return host_->raise_process_create(creation);
    }
    void end(std::uint32_t n, std::int64_t after = 0) { host_->raise_process_exit(kPid + n, kActivityTime + after); }

    using Lines = std::vector<std::string>;

    TestHost host_;
    Client client_{host_};
    Client reader_{host_};
};

}  // namespace aegis::test
