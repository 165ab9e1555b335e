// What a policy makes of images: paths and extensions of what is loaded, and silence where the process's is excluded.

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/policy_builder.hpp"

namespace aegis::test {
namespace {

constexpr std::uint32_t kPid = kFirstFreePid;
constexpr std::uint32_t kImageLoads = 1U << AEGIS_EVENT_IMAGE_LOAD;

class ImagePolicy : public testing::Test {
  protected:
    using Lines = std::vector<std::u16string>;

    void SetUp() override {
        ASSERT_EQ(host_.load(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
    }

    // After each test: everything seen became something.
    void TearDown() override {
        const AEGIS_CALLBACK_HEALTH all = row();
        EXPECT_EQ(all.Seen, all.Published + all.Filtered + all.Limited + all.Merged + all.Lost);
    }

    void set(const PolicyBuilder& builder) { ASSERT_EQ(client_.set_policy(builder.blob()).status, STATUS_SUCCESS); }
    AEGIS_CALLBACK_HEALTH row() { return callback_row(*client_.query().reply, AEGIS_CALLBACK_IMAGE); }

    host::ImageLoad load_of(std::u16string_view path, std::uint32_t pid = kPid) {
        host::ImageLoad load;
        load.pid = pid;
        load.loader = pid;
        load.loader_tid = kPid + 4;
        load.path = path;
        load.timestamp = kActivityTime;
        return load;
    }
    void load(std::u16string_view path, std::uint32_t pid = kPid) { activity_.load_image(load_of(path, pid)); }

    // The paths of the image events; "merged" of a count.
    Lines told() {
        Lines lines;
        for (const ProcessEvent& event : events_in(client_.pull(1 << 20).bytes)) {
            if (event.header.Type == AEGIS_EVENT_IMAGE_LOAD) {
                lines.push_back(path_of(event.image()));
            } else if (event.header.Type == AEGIS_EVENT_SUPPRESSED) {
                lines.emplace_back(u"merged");
            }
        }
        return lines;
    }

    TestHost host_;
    Activity activity_{host_};
    Client client_{host_};
};

// Catches: a load that asks nobody; one that asks by another type's rules.
TEST_F(ImagePolicy, TheLongestRuleThenTheExtensionThenTheDefaultDecides) {
    set(PolicyBuilder()
            .type(AEGIS_EVENT_IMAGE_LOAD, kDropByDefault)
            .path(u"\\lib", AEGIS_POLICY_REPORT, kImageLoads)
            .path(u"\\lib\\noise", AEGIS_POLICY_DROP, kImageLoads)
            .path(u"\\other", AEGIS_POLICY_REPORT));
    load(u"\\lib\\a.so");
    load(u"\\lib\\noise\\b.so");
    load(u"\\other\\c.so");
    EXPECT_EQ(told(), (Lines{u"\\lib\\a.so"}));
    EXPECT_EQ(row().Filtered, 2U);
}

// Of an image whose file NT does not name, the name of the file object is what rules are asked about, as it is what the
// event says. Catches: the policy that is asked about no path then.
TEST_F(ImagePolicy, TheFilesOwnNameIsAskedAboutWhereNtGivesNone) {
    set(PolicyBuilder().path(u"\\noise", AEGIS_POLICY_DROP, kImageLoads));
    host::ImageLoad image = load_of(u"\\noise\\a.so");
    image.path.reset();
    image.file_name = u"\\noise\\a.so";
    activity_.load_image(image);
    image.file_name.reset();
    activity_.load_image(image);
    EXPECT_EQ(told(), (Lines{u""}));
    EXPECT_EQ(row().Filtered, 1U);
}

// Catches: an exclusion of which images know nothing; one that is asked of the image loaded, not of the process.
TEST_F(ImagePolicy, AnExcludedProcessLoadsInSilence) {
    set(PolicyBuilder().image(u"\\i"));
    activity_.create(kPid, u"\\i\\x");
    load(u"\\lib\\a.so");
    load(u"\\i\\b.so", kPid + 100);
    EXPECT_EQ(told(), (Lines{u"\\i\\b.so"}));
}

// Catches: a type 1 that is off and so tells nobody whose image is excluded.
TEST_F(ImagePolicy, AProcessIsExcludedAlsoWhereStartsAreOff) {
    set(PolicyBuilder().image(u"\\i").type(AEGIS_EVENT_PROCESS_CREATE, kOff));
    activity_.create(kPid, u"\\i\\x");
    activity_.create(kPid + 100, u"\\j\\x");
    load(u"\\lib\\a.so");
    load(u"\\lib\\b.so", kPid + 100);
    EXPECT_EQ(told(), (Lines{u"\\lib\\b.so"}));
    EXPECT_EQ(callback_row(*client_.query().reply, AEGIS_CALLBACK_PROCESS).Filtered, 2U);
}

// Alike: the same image in the same process.
TEST_F(ImagePolicy, TheSameImageInTheSameProcessMerges) {
    AEGIS_POLICY_TYPE merging = kReportAll;
    merging.MergeMs = 1000;
    set(PolicyBuilder().type(AEGIS_EVENT_IMAGE_LOAD, merging));
    load(u"\\a");
    load(u"\\A");
    load(u"\\a", kPid + 100);
    set(PolicyBuilder());
    EXPECT_EQ(told(), (Lines{u"\\a", u"\\a", u"merged"}));
    EXPECT_EQ(row().Merged, 1U);
}

}  // namespace
}  // namespace aegis::test
