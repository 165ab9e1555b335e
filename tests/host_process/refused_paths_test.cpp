// What the host takes a policy to refuse: as the driver decides.

#include "driver/host/server/refused_paths.hpp"

#include <gtest/gtest.h>

#include "driver/support/policy_builder.hpp"

namespace aegis::test {
namespace {

using host::server::RefusedPaths;

// Catches: another rule than the longest; a neighbour taken for what lies below; case, or the kind of separator.
TEST(RefusedPaths, TheLongestRuleDecides) {
    const RefusedPaths paths(PolicyBuilder()
                                 .path(u"/tmp", AEGIS_POLICY_REFUSE)
                                 .path(u"/tmp/build", AEGIS_POLICY_REPORT)
                                 .path(u"\\tmp\\build\\x", AEGIS_POLICY_REFUSE)
                                 .path(u"/opt", AEGIS_POLICY_DROP)
                                 .blob());
    EXPECT_FALSE(paths.empty());
    for (const std::u16string_view refused : {u"/tmp", u"/tmp/a", u"/TMP/a", u"/tmp/build2", u"/tmp/Build/X/y"}) {
        EXPECT_TRUE(paths.refuses(refused));
    }
    for (const std::u16string_view runs : {u"/tmp2", u"/tmp/build", u"/tmp/build/xx", u"/opt/a", u"/", u""}) {
        EXPECT_FALSE(paths.refuses(runs));
    }
}

// Catches: a filesystem mounted below a rule, or above it, that nobody asks about; one beside it that everybody pays
// for.
TEST(RefusedPaths, ConcernsWhatIsMountedAboveAndBelow) {
    const RefusedPaths paths(
        PolicyBuilder().path(u"/srv/a/b", AEGIS_POLICY_REFUSE).path(u"/home", AEGIS_POLICY_REPORT).blob());
    for (const std::u16string_view mounted : {u"/", u"/srv", u"/srv/a", u"/srv/a/b", u"/srv/a/b/c"}) {
        EXPECT_TRUE(paths.concerns(mounted));
    }
    for (const std::u16string_view mounted : {u"/srv/a/bb", u"/srv/b", u"/home", u"/proc"}) {
        EXPECT_FALSE(paths.concerns(mounted));
    }
}

TEST(RefusedPaths, APolicyMayRefuseNothing) {
    EXPECT_TRUE(RefusedPaths().empty());
    const RefusedPaths paths(
        PolicyBuilder().path(u"/a", AEGIS_POLICY_DROP).image(u"/b").extension(u"c", AEGIS_POLICY_DROP).blob());
    EXPECT_TRUE(paths.empty());
    EXPECT_FALSE(paths.refuses(u"/a"));
}

}  // namespace
}  // namespace aegis::test
