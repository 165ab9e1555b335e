#include "agent/port/dos_paths.hpp"

#include <gtest/gtest.h>

#include <string>

namespace aegis {
namespace {

using agent::DosPaths;
using agent::DosPrefix;

std::vector<DosPrefix> two_volumes() {
    return {{"\\Device\\HarddiskVolume1", "C:"}, {"\\Device\\Mup", "\\"}, {"\\??\\UNC", "\\"}};
}

std::string translated(DosPaths& paths, std::string_view nt) {
    std::string dos;
    return paths.translate(nt, dos) ? dos : "(none)";
}

TEST(DosPaths, KnownPrefixesAreReplaced) {
    DosPaths paths(two_volumes);
    EXPECT_EQ(translated(paths, "\\Device\\HarddiskVolume1\\a\\b.exe"), "C:\\a\\b.exe");
    EXPECT_EQ(translated(paths, "\\DEVICE\\harddiskvolume1\\a"), "C:\\a");
    EXPECT_EQ(translated(paths, "\\Device\\Mup\\server\\share\\a"), "\\\\server\\share\\a");
    EXPECT_EQ(translated(paths, "\\??\\UNC\\server\\share"), "\\\\server\\share");
    EXPECT_EQ(translated(paths, "\\??\\D:\\a"), "D:\\a");
}

// Catches: comparing characters instead of components.
TEST(DosPaths, APrefixEndsWhereAComponentEnds) {
    DosPaths paths(two_volumes);
    EXPECT_EQ(translated(paths, "\\Device\\HarddiskVolume12\\a"), "(none)");
    EXPECT_EQ(translated(paths, "\\Device\\HarddiskVolume"), "(none)");
}

// Catches: a volume mounted after the start that never gets its letter.
TEST(DosPaths, ANewVolumeIsFound) {
    int queries = 0;
    DosPaths paths(
        [&queries] {
            return ++queries == 1 ? std::vector<DosPrefix>{}
                                  : std::vector<DosPrefix>{{"\\Device\\HarddiskVolume7", "E:"}};
        },
        std::chrono::nanoseconds(0));
    EXPECT_EQ(translated(paths, "\\Device\\HarddiskVolume7\\x"), "E:\\x");
}

// Catches: a query for every unknown path.
TEST(DosPaths, UnknownPathsDoNotAskTheSystemAgainAtOnce) {
    int queries = 0;
    DosPaths paths(
        [&queries] {
            ++queries;
            return std::vector<DosPrefix>{};
        },
        std::chrono::hours(1));
    for (int i = 0; i < 100; ++i) {
        translated(paths, "\\Device\\HarddiskVolume7\\x");
        translated(paths, "System");
    }
    EXPECT_EQ(queries, 1);
}

}  // namespace
}  // namespace aegis
