// Versions and geometry are checked before a byte of the ring is believed; what can be mended is, by pull.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "support/fake_system.hpp"
#include "support/session_run.hpp"

namespace aegis {
namespace {

using agent::ExitCode;
using agent::Options;
using client::IoStatus;
using test::FakeSystem;
using test::SessionRun;

// A session with one event to print, if it gets that far.
struct Outcome {
    ExitCode code;
    std::string log;
    std::string output;
};

Outcome run_one(FakeSystem& system) {
    system.publish_exit(1);
    Options options;
    options.count = 1;
    options.poll_ms = 1;
    SessionRun run(system, options);
    const ExitCode code = run.wait();
    return {code, run.log().text(), system.output()};
}

void expect_mismatch(FakeSystem& system, const std::string& reason) {
    const Outcome outcome = run_one(system);
    EXPECT_EQ(outcome.code, ExitCode::kProtocolMismatch) << reason;
    EXPECT_NE(outcome.log.find(reason), std::string::npos) << outcome.log;
    EXPECT_NE(outcome.log.find("from the same release"), std::string::npos) << outcome.log;
    EXPECT_EQ(outcome.output, "");
}

TEST(Protocol, ADriverThatRefusesTheVersion) {
    FakeSystem system;
    system.refuse(AEGIS_IOCTL_QUERY, {IoStatus::kOtherRevision, 0, 89});
    expect_mismatch(system, "the driver refuses control version 2 of this agent (IOCTL_AEGIS_QUERY: code 89)");
}

TEST(Protocol, ADriverThatKnowsNoQuery) {
    FakeSystem system;
    system.refuse(AEGIS_IOCTL_QUERY, {IoStatus::kUnsupported, 0, 1});
    expect_mismatch(system, "the driver does not know IOCTL_AEGIS_QUERY");
}

// Catches: a device that the user named, and that is something else, called an AegisMon of another release.
TEST(Protocol, AnotherDeviceThanAegisMon) {
    for (const IoStatus status : {IoStatus::kUnsupported, IoStatus::kFailed}) {
        FakeSystem system;
        system.refuse(AEGIS_IOCTL_QUERY, {status, 0, 1});
        Options options;
        options.device.path = "other";
        SessionRun run(system, options);
        EXPECT_EQ(run.wait(), ExitCode::kNoDriver);
        EXPECT_NE(run.log().text().find("--device other is no AegisMon"), std::string::npos) << run.log().text();
    }
}

// Catches: an agent that takes silence for an answer, or for a reason to go on.
TEST(Protocol, ADriverThatDoesNotAnswer) {
    for (const std::uint32_t request : {AEGIS_IOCTL_QUERY, AEGIS_IOCTL_RING_SETUP}) {
        FakeSystem system;
        system.refuse(request, {IoStatus::kNoAnswer, 0, 1});
        const Outcome outcome = run_one(system);
        EXPECT_EQ(outcome.code, ExitCode::kNoAnswer);
        EXPECT_NE(outcome.log.find("did not answer"), std::string::npos) << outcome.log;
        EXPECT_NE(outcome.log.find("within 10 s"), std::string::npos) << outcome.log;
        EXPECT_EQ(outcome.output, "");
    }
}

TEST(Protocol, ARequestToEndWhileTheDriverDoesNotAnswer) {
    FakeSystem system;
    system.refuse(AEGIS_IOCTL_QUERY, {IoStatus::kInterrupted, 0, 1});
    const Outcome outcome = run_one(system);
    EXPECT_EQ(outcome.code, ExitCode::kFinished);
    EXPECT_NE(outcome.log.find("asked to end before the driver answered"), std::string::npos) << outcome.log;
}

TEST(Protocol, ADriverThatAnswersInAnotherVersion) {
    FakeSystem system;
    system.on_query([](AEGIS_QUERY_REPLY& reply) { reply.Version = 3; });
    expect_mismatch(system,
                    "IOCTL_AEGIS_QUERY returned version 3 with 7568 of 7568 bytes; this agent expects version 2");
}

// Catches: version 1's layout, which had the first callback's row where this one has the head, read as this one's.
TEST(Protocol, ADriverOfVersionOne) {
    FakeSystem system;
    system.on_query_bytes([](std::vector<std::byte>& reply) {
        constexpr std::uint32_t kHead[] = {1, 5480};  // Version, Bytes
        reply.resize(5480);
        std::memcpy(reply.data(), kHead, sizeof(kHead));
    });
    expect_mismatch(system,
                    "IOCTL_AEGIS_QUERY returned version 1 with 5480 of 5480 bytes; this agent expects version 2");
}

// One that answers the query in this version, and the setup as version 1 did.
TEST(Protocol, ASetupAnsweredInAnotherVersion) {
    FakeSystem system;
    system.on_setup([](AEGIS_RING_SETUP_REPLY& reply) { reply.Version = 1; });
    expect_mismatch(system, "IOCTL_AEGIS_RING_SETUP returned version 1 with 72 of 72 bytes");
}

TEST(Protocol, ASetupAnsweredWithAnotherLength) {
    FakeSystem system;
    system.on_setup([](AEGIS_RING_SETUP_REPLY& reply) { reply.Bytes = 80; });
    expect_mismatch(system, "IOCTL_AEGIS_RING_SETUP returned version 2 with 72 of 80 bytes");
}

// Catches: a session that goes on with what it could not read.
TEST(Protocol, AQueryWhoseReplyIsBroken) {
    FakeSystem system;
    system.on_query([](AEGIS_QUERY_REPLY& reply) { reply.CallbackRows.Count = 1000; });
    expect_mismatch(system,
                    "the driver's reply to IOCTL_AEGIS_QUERY is broken: it has 1000 rows of callbacks, where 32 are "
                    "the most");
}

TEST(Protocol, AQueryWhoseReplyIsCutOff) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{7}, std::size_t{8}, std::size_t{143}}) {
        FakeSystem system;
        system.on_query_bytes([bytes](std::vector<std::byte>& reply) { reply.resize(bytes); });
        expect_mismatch(system, "the driver's reply to IOCTL_AEGIS_QUERY is broken: it has");
    }
}

// A later release of this version may say more, up to the room that there is.
// Catches: an agent that offers room for its own release's reply only, or wants exactly that.
TEST(Protocol, ALongerReplyOfThisVersionIsRead) {
    FakeSystem system;
    system.on_query_bytes([](std::vector<std::byte>& reply) {
        constexpr std::uint32_t kBytes = AEGIS_QUERY_ROOM;
        reply.resize(kBytes, std::byte{0xEE});
        std::memcpy(reply.data() + offsetof(AEGIS_QUERY_REPLY, Bytes), &kBytes, sizeof(kBytes));
    });
    const Outcome outcome = run_one(system);
    EXPECT_EQ(outcome.code, ExitCode::kFinished) << outcome.log;
    EXPECT_TRUE(outcome.log.starts_with("summary:")) << outcome.log;
    EXPECT_EQ(outcome.output, "[12:34:56.123] #1 EXIT pid=1\n");
}

// Catches: any of the checks left out; the agent would then read a ring it does not understand.
TEST(Protocol, ARingOfAnotherAbi) {
    FakeSystem system;
    system.on_setup([](AEGIS_RING_SETUP_REPLY& reply) { reply.AbiMajor = 1; });
    expect_mismatch(system, "the driver's ring has ABI 1.0, this agent reads 2.x");
}

TEST(Protocol, ARegionOfAnotherAbi) {
    FakeSystem system;
    system.ring_header()->Identity.AbiMajor = 1;
    expect_mismatch(system, "ring layout has another major version than this reader");
}

TEST(Protocol, ARegionThatIsNoRing) {
    FakeSystem system;
    system.ring_header()->Identity.Magic = 0;
    expect_mismatch(system, "region does not start with the ring's magic number");
}

TEST(Protocol, ARegionSmallerThanItsCells) {
    FakeSystem system;
    system.on_setup([](AEGIS_RING_SETUP_REPLY& reply) { reply.RingBytes -= AEGIS_PAGE; });
    expect_mismatch(system, "region is smaller than its header says");
}

TEST(Protocol, AReplyThatSaysAnotherGeometryThanTheRegion) {
    FakeSystem system;
    system.on_setup([](AEGIS_RING_SETUP_REPLY& reply) { reply.CellCount = 128; });
    expect_mismatch(system, "the mapped ring says ABI 2.0, 64 cells of 192 bytes after 4096, session 0102");
}

TEST(Protocol, ARingOfAnotherSession) {
    FakeSystem system;
    system.on_setup([](AEGIS_RING_SETUP_REPLY& reply) { reply.SessionId[15] = 99; });
    expect_mismatch(system, "the driver said ABI 2.0, 64 cells of 192 bytes after 4096, session 0102");
}

TEST(Protocol, CountersOfAnotherSession) {
    FakeSystem system;
    system.on_query([](AEGIS_QUERY_REPLY& reply) { reply.SessionId[0] = 99; });
    expect_mismatch(system, "another session than the driver's counters");
}

TEST(Protocol, AConsumerPageThatIsTooSmall) {
    FakeSystem system;
    system.on_setup([](AEGIS_RING_SETUP_REPLY& reply) { reply.ConsumerPageBytes = 64; });
    expect_mismatch(system, "the consumer page has 64 bytes, expected 4096");
}

// A later minor version has more fields where this one has reserved bytes.
TEST(Protocol, ALaterMinorAbiIsRead) {
    FakeSystem system;
    system.ring_header()->Identity.AbiMinor = 7;
    system.on_setup([](AEGIS_RING_SETUP_REPLY& reply) { reply.AbiMinor = 7; });
    const Outcome outcome = run_one(system);
    EXPECT_EQ(outcome.code, ExitCode::kFinished) << outcome.log;
    EXPECT_EQ(outcome.output, "[12:34:56.123] #1 EXIT pid=1\n");
}

// Catches: giving up instead of pulling, or pulling without a word.
TEST(Protocol, ARingThatCannotBeMappedIsReadByPull) {
    for (const IoStatus status : {IoStatus::kFailed, IoStatus::kUnsupported}) {
        FakeSystem system;
        system.refuse(AEGIS_IOCTL_RING_SETUP, {status, 0, 68});
        const Outcome outcome = run_one(system);
        EXPECT_EQ(outcome.code, ExitCode::kFinished) << outcome.log;
        EXPECT_EQ(outcome.output, "[12:34:56.123] #1 EXIT pid=1\n");
        EXPECT_NE(outcome.log.find("warning: the ring cannot be mapped"), std::string::npos) << outcome.log;
        EXPECT_NE(outcome.log.find("reading by pull"), std::string::npos) << outcome.log;
    }
}

TEST(Protocol, ADriverThatGoesAwayWhileItIsOpened) {
    FakeSystem system;
    system.kill_driver();
    const Outcome outcome = run_one(system);
    EXPECT_EQ(outcome.code, ExitCode::kDriverGone);
    EXPECT_NE(outcome.log.find("IOCTL_AEGIS_QUERY found no driver any more"), std::string::npos) << outcome.log;
}

}  // namespace
}  // namespace aegis
