// What the image sensor makes of a notification.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {
namespace {

constexpr std::uint32_t kPid = kFirstFreePid;
constexpr std::uint32_t kTid = kFirstFreePid + 4;
constexpr std::uint32_t kOther = kFirstFreePid + 8;
constexpr std::u16string_view kPath = u"\\Device\\HarddiskVolume3\\Windows\\System32\\ntdll.dll";

host::ImageLoad load_of(std::uint32_t pid) {
    host::ImageLoad load;
    load.pid = pid;
    load.loader = pid;
    load.loader_tid = kTid;
    load.path = kPath;
    load.base = 0x00007FF912340000;
    load.size = 0x1F8000;
    load.timestamp = kActivityTime;
    return load;
}

host::ExecutiveOptions without(const std::string& name) {
    host::ExecutiveOptions options;
    options.other_exports[name] = nullptr;
    return options;
}

class ImageEvents : public testing::Test {
  protected:
    void SetUp() override { load({}); }

    void load(host::ExecutiveOptions options) {
        client_.reset();
        activity_.reset();
        host_.reset();
        host_ = std::make_unique<TestHost>(std::move(options));
        activity_ = std::make_unique<Activity>(*host_);
        client_ = std::make_unique<Client>(*host_);
        ASSERT_EQ(host_->load(), STATUS_SUCCESS);
        ASSERT_EQ(client_->open(), STATUS_SUCCESS);
    }

    std::vector<ProcessEvent> pulled() { return events_in(client_->pull(1 << 20).bytes); }

    // The event that this load makes; the one and only.
    ProcessEvent event_of(const host::ImageLoad& load) {
        activity_->load_image(load);
        const std::vector<ProcessEvent> events = pulled();
        EXPECT_EQ(events.size(), 1U);
        return events.empty() ? ProcessEvent{} : events.back();
    }

    AEGIS_CALLBACK_HEALTH health() {
        const QueryResult query = client_->query();
        return callback_row(*query.reply, AEGIS_CALLBACK_IMAGE);
    }

    std::unique_ptr<TestHost> host_;
    std::unique_ptr<Activity> activity_;
    std::unique_ptr<Client> client_;
};

// Catches: any field that holds another one's value, or is left out.
TEST_F(ImageEvents, ALoadCarriesEveryField) {
    host::ImageLoad load = load_of(kPid);
    load.loader = kOther;
    load.signature_level = 12;
    load.signature_type = 5;
    const ProcessEvent event = event_of(load);
    EXPECT_EQ(event.header.Type, AEGIS_EVENT_IMAGE_LOAD);
    EXPECT_EQ(event.header.Size, AEGIS_IMAGE_EVENT_SIZE);
    EXPECT_EQ(event.header.Timestamp, kActivityTime);
    const AEGIS_IMAGE_PAYLOAD image = event.image();
    EXPECT_EQ(image.ProcessId, kPid);
    EXPECT_EQ(image.LoaderProcessId, kOther);
    EXPECT_EQ(image.ThreadId, kTid);
    EXPECT_NE(image.ProcessKey, 0U);
    EXPECT_EQ(image.ImageBase, 0x00007FF912340000U);
    EXPECT_EQ(image.ImageSize, 0x1F8000U);
    EXPECT_EQ(image.SignatureLevel, 12U);
    EXPECT_EQ(image.SignatureType, 5U);
    EXPECT_EQ(image.AddressingMode, 3U);
    EXPECT_EQ(image.Flags, AEGIS_IMAGE_EXACT);
    EXPECT_EQ(image.PathFullLength, kPath.size());
    EXPECT_EQ(path_of(image), kPath);
}

// The bits that mingw-w64's IMAGE_INFO calls reserved, next to others that are. Catches: a mask that is a bit off.
TEST_F(ImageEvents, EachBitOfTheSignatureIsItsOwn) {
    for (std::uint8_t level = 0; level < 16; ++level) {
        for (std::uint8_t type = 0; type < 8; ++type) {
            host::ImageLoad load = load_of(kPid);
            load.signature_level = level;
            load.signature_type = type;
            load.partial = (level & 1) != 0;
            load.machine_mismatch = (type & 1) != 0;
            const AEGIS_IMAGE_PAYLOAD image = event_of(load).image();
            EXPECT_EQ(image.SignatureLevel, level);
            EXPECT_EQ(image.SignatureType, type);
            EXPECT_EQ(image.Flags, AEGIS_IMAGE_EXACT | (load.partial ? AEGIS_IMAGE_PARTIAL_MAP : 0U) |
                                       (load.machine_mismatch ? AEGIS_IMAGE_MACHINE_MISMATCH : 0U));
        }
    }
}

// Number 0 is no process. Catches: a key asked for all the same; a driver that is not marked.
TEST_F(ImageEvents, ADriverBelongsToNoProcess) {
    host::ImageLoad load = load_of(0);
    load.loader = 4;
    load.kernel = true;
    const AEGIS_IMAGE_PAYLOAD image = event_of(load).image();
    EXPECT_EQ(image.ProcessId, 0U);
    EXPECT_EQ(image.LoaderProcessId, 4U);
    EXPECT_EQ(image.ProcessKey, 0U);
    EXPECT_EQ(image.Flags, AEGIS_IMAGE_KERNEL | AEGIS_IMAGE_EXACT);
}

// Catches: a null name read; a file object's name that is said to be the whole path, or not looked for.
TEST_F(ImageEvents, WithoutANameTheFileObjectHasOne) {
    host::ImageLoad load = load_of(kPid);
    load.path.reset();
    load.file_name = u"\\Windows\\System32\\kernel32.dll";
    AEGIS_IMAGE_PAYLOAD image = event_of(load).image();
    EXPECT_EQ(path_of(image), u"\\Windows\\System32\\kernel32.dll");
    EXPECT_EQ(image.PathFullLength, load.file_name->size());
    EXPECT_EQ(image.Flags, 0U);
    // A name without characters, and one without a buffer, are none either.
    load.path = u"";
    EXPECT_EQ(path_of(event_of(load).image()), *load.file_name);
    load.path = std::u16string_view();
    EXPECT_EQ(path_of(event_of(load).image()), *load.file_name);
    // With both, the one that names the volume.
    load.path = kPath;
    image = event_of(load).image();
    EXPECT_EQ(path_of(image), kPath);
    EXPECT_EQ(image.Flags, AEGIS_IMAGE_EXACT);
}

// Only a flag says that there is a file object. Catches: one looked for all the same, in memory that is none of it (the
// test ends by a signal).
TEST_F(ImageEvents, WithoutANameAndAFileObjectThereIsNoPath) {
    host::ImageLoad load = load_of(kPid);
    load.path.reset();
    const AEGIS_IMAGE_PAYLOAD image = event_of(load).image();
    EXPECT_EQ(image.PathLength, 0U);
    EXPECT_EQ(image.PathFullLength, 0U);
    EXPECT_EQ(image.Flags, 0U);
    EXPECT_EQ(image.ImageBase, load.base);
}

// Catches: an event that is larger than the ring takes.
TEST_F(ImageEvents, ALongPathKeepsItsEnd) {
    const std::u16string path = u"\\Device\\" + std::u16string(700, u'x') + u"\\evil.dll";
    host::ImageLoad load = load_of(kPid);
    load.path = path;
    const AEGIS_IMAGE_PAYLOAD image = event_of(load).image();
    EXPECT_EQ(image.PathLength, AEGIS_IMAGE_MAX_PATH_REPORTED);
    EXPECT_EQ(image.PathFullLength, path.size());
    EXPECT_TRUE(path_of(image).ends_with(u"\\evil.dll"));
    EXPECT_EQ(image.Flags, AEGIS_IMAGE_EXACT);
}

// Catches: a compact form that is the full one, or the full form that is the compact one; bytes of the kernel's stack
// behind the path.
TEST_F(ImageEvents, AreCompactInTheRingAndWholeByPull) {
    const SetupResult setup = client_->setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    ring::Consumer<> consumer(ring_of(setup.reply), {});
    activity_->load_image(load_of(kPid));
    host::ImageLoad nameless = load_of(kPid);
    nameless.path.reset();
    activity_->load_image(nameless);
    const std::vector<ProcessEvent> read = drain(consumer);
    const std::vector<ProcessEvent> by_pull = pulled();
    ASSERT_EQ(read.size(), 2U);
    ASSERT_EQ(by_pull.size(), 2U);
    const std::size_t path_bytes = kPath.size() * sizeof(char16_t);
    EXPECT_EQ(read[0].header.Size, sizeof(AEGIS_EVENT_HEADER) + AEGIS_IMAGE_PAYLOAD_FIXED + path_bytes);
    EXPECT_EQ(read[1].header.Size, sizeof(AEGIS_EVENT_HEADER) + AEGIS_IMAGE_PAYLOAD_FIXED);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(by_pull[i].header.Size, AEGIS_IMAGE_EVENT_SIZE);
        const AEGIS_IMAGE_PAYLOAD left = read[i].image();
        const AEGIS_IMAGE_PAYLOAD right = by_pull[i].image();
        EXPECT_EQ(std::memcmp(&left, &right, sizeof(left)), 0);
    }
}

// Catches: seen, published and lost that do not add up; a call that is not counted.
TEST_F(ImageEvents, AreCounted) {
    EXPECT_EQ(health().Seen, 0U);
    EXPECT_EQ(health().Registered, 1U);
    EXPECT_EQ(health().Status, STATUS_SUCCESS);
    EXPECT_EQ(health().Flags, 0U);
    for (int i = 0; i < 3; ++i) {
        activity_->load_image(load_of(kPid));
    }
    const AEGIS_CALLBACK_HEALTH row = health();
    EXPECT_EQ(row.Seen, 3U);
    EXPECT_EQ(row.Published, 3U);
    EXPECT_EQ(row.Filtered + row.Limited + row.Merged + row.Lost, 0U);
    EXPECT_EQ(row.LastEventTime, kActivityTime);
    EXPECT_EQ(client_->query().reply->Published, 3U);
}

// Catches: images of another architecture that are lost without a word.
TEST_F(ImageEvents, OnAnOlderSystemThePlainNotificationServes) {
    load(without("PsSetLoadImageNotifyRoutineEx"));
    EXPECT_EQ(health().Registered, 1U);
    EXPECT_EQ(health().Status, STATUS_SUCCESS);
    EXPECT_EQ(health().Flags, AEGIS_CALLBACK_NO_FOREIGN_IMAGES);
    EXPECT_EQ(path_of(event_of(load_of(kPid)).image()), kPath);
    host::ImageLoad foreign = load_of(kPid);
    foreign.machine_mismatch = true;
    activity_->load_image(foreign);
    EXPECT_TRUE(pulled().empty());
}

// Catches: the time of the creation handed out as a start key.
TEST_F(ImageEvents, WithoutStartKeysTheCreationTimeServesAndIsMarked) {
    load(without("PsGetProcessStartKey"));
    const AEGIS_IMAGE_PAYLOAD image = event_of(load_of(kPid)).image();
    EXPECT_EQ(image.ProcessKey, static_cast<std::uint64_t>(kActivityTime));
    EXPECT_EQ(image.Flags, AEGIS_IMAGE_EXACT | AEGIS_IMAGE_KEY_IS_TIME);
}

// Catches: two names of one process.
TEST_F(ImageEvents, NameTheProcessAsItsThreadsDo) {
    host::ThreadCreation thread;
    thread.pid = kPid;
    thread.tid = kTid;
    thread.creator = kPid;
    thread.creator_tid = kTid + 4;
    activity_->create_thread(thread);
    activity_->load_image(load_of(kPid));
    const std::vector<ProcessEvent> events = pulled();
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].image().ProcessKey, events[0].thread().ProcessKey);
}

}  // namespace
}  // namespace aegis::test
