// Rules by path: which one decides, against a search that compares texts.

#include "policy/path_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "driver/host/executive/executive.hpp"
#include "support/seed.hpp"

namespace aegis::test {
namespace {

using driver::CaseTable;
using driver::PathRule;

struct Rule {
    std::u16string path;
    std::uint32_t types = 2;
};

class PathTable : public testing::Test {
  protected:
    void SetUp() override { ASSERT_EQ(cases_.create(), STATUS_SUCCESS); }
    void TearDown() override { cases_.destroy(); }

    NTSTATUS build(const std::vector<Rule>& rules) {
        std::vector<AEGIS_POLICY_RULE> entries;
        std::u16string text;
        for (const Rule& rule : rules) {
            entries.push_back({rule.types, static_cast<std::uint16_t>(rule.path.size()), AEGIS_POLICY_DROP, 0});
            text += rule.path;
        }
        texts_.assign(text.size(), 0);
        const auto count = static_cast<std::uint32_t>(rules.size());
        memory_.assign(driver::PathTable::bytes_for(count) / 8 + 1, 0);
        return table_.build(entries.data(), count, reinterpret_cast<const std::uint16_t*>(text.data()), texts_.data(),
                            cases_, memory_.data());
    }

    // The number of the rule that decides.
    std::optional<std::size_t> longest(std::u16string_view path, std::uint32_t types = 2) {
        const PathRule* const rule = table_.longest({path.data(), path.size()}, types);
        return rule == nullptr ? std::nullopt : std::optional(static_cast<std::size_t>(rule - table_.rules()));
    }

    static host::ExecutiveOptions quiet() {
        host::ExecutiveOptions options;
        options.debug_print = [](ULONG, std::string_view) {};
        return options;
    }

    host::Executive executive_{quiet()};
    CaseTable cases_;
    driver::PathTable table_;
    std::vector<std::uint16_t> texts_;
    std::vector<std::uint64_t> memory_;
};

constexpr auto kNone = std::nullopt;

// Catches: a folder that matches its neighbour of a longer name; the shortest rule in place of the longest; the first
// in place of the longest.
TEST_F(PathTable, TheLongestRuleDecidesByWholeComponents) {
    ASSERT_EQ(build({{u"\\a"}, {u"\\a\\b\\c"}, {u"\\a\\b"}}), STATUS_SUCCESS);
    EXPECT_EQ(longest(u"\\a"), 0U);
    EXPECT_EQ(longest(u"\\a\\x"), 0U);
    EXPECT_EQ(longest(u"\\a\\b"), 2U);
    EXPECT_EQ(longest(u"\\a\\bb"), 0U);
    EXPECT_EQ(longest(u"\\a\\b\\c"), 1U);
    EXPECT_EQ(longest(u"\\a\\b\\c\\d\\e"), 1U);
    EXPECT_EQ(longest(u"\\ab"), kNone);
    EXPECT_EQ(longest(u"\\"), kNone);
    EXPECT_EQ(longest(u""), kNone);
    EXPECT_EQ(longest(u"x\\a"), kNone);
}

TEST_F(PathTable, WithoutRulesNothingDecides) {
    ASSERT_EQ(build({}), STATUS_SUCCESS);
    EXPECT_EQ(longest(u"\\a"), kNone);
    EXPECT_EQ(longest({}), kNone);
}

// Catches: a rule that hides a shorter one of another type.
TEST_F(PathTable, ARuleCountsForItsTypesOnly) {
    ASSERT_EQ(build({{u"\\a", 2}, {u"\\a\\b", 4}, {u"\\c", 0}}), STATUS_SUCCESS);
    EXPECT_EQ(longest(u"\\a\\b", 2), 0U);
    EXPECT_EQ(longest(u"\\a\\b", 4), 1U);
    EXPECT_EQ(longest(u"\\a", 4), kNone);
    EXPECT_EQ(longest(u"\\c\\d", 2), 2U) << "no type: every type";
}

// Catches: the rule folded and the path not, or the other way round; a separator that is another.
TEST_F(PathTable, CaseAndKindOfSeparatorMeanNothing) {
    ASSERT_EQ(build({{u"/Tmp\\\u00E4\u03C3/x"}, {u"\\W"}}), STATUS_SUCCESS);
    EXPECT_EQ(longest(u"\\tMP/\u00C4\u03A3\\X"), 0U);
    EXPECT_EQ(longest(u"/tmp/\u00C4\u03A3/x/y"), 0U);
    EXPECT_EQ(longest(u"/w/y"), 1U);
    EXPECT_EQ(longest(u"/tmp/a/x"), kNone);
}

// Catches: a path that is looked at one unit too short, where the longest rule ends.
TEST_F(PathTable, ALongPathIsLookedAtUpToTheLongestRule) {
    const std::u16string deep = u"\\" + std::u16string(AEGIS_POLICY_PATH_UNITS_MAX - 1, u'd');
    ASSERT_EQ(build({{deep}, {u"\\a"}}), STATUS_SUCCESS);
    EXPECT_EQ(longest(deep), 0U);
    EXPECT_EQ(longest(deep + u"\\x"), 0U);
    EXPECT_EQ(longest(deep + u"x"), kNone);
    EXPECT_EQ(longest(u"\\a\\" + std::u16string(32000, u'y')), 1U);
}

// What is behind the units that count is not read: the memory ends there, which a sanitizer sees.
TEST_F(PathTable, ReadsNothingBehindThePath) {
    ASSERT_EQ(build({{u"\\abc\\def"}}), STATUS_SUCCESS);
    for (std::size_t units = 0; units <= 12; ++units) {
        const std::u16string_view whole = u"\\abc\\def\\ghi";
        const auto exact = std::make_unique<char16_t[]>(units);
        std::copy_n(whole.begin(), units, exact.get());
        EXPECT_EQ(longest({exact.get(), units}), units == 8 || units > 8 ? std::optional<std::size_t>(0) : kNone)
            << units;
    }
}

TEST_F(PathTable, RefusesTheSamePathTwice) {
    EXPECT_EQ(build({{u"\\a\\b"}, {u"\\c"}, {u"/A/B"}}), STATUS_OBJECT_NAME_COLLISION);
    EXPECT_EQ(build({{u"\\a\\b"}, {u"\\a\\bc"}, {u"\\a"}}), STATUS_SUCCESS);
}

// A path that shares its hash with a rule is not that rule's; a shorter rule decides then. Such a path is hard to find,
// so the rule's text is changed instead, which leaves its hash. Catches: a hash that is trusted.
TEST_F(PathTable, AHashAloneDecidesNothing) {
    ASSERT_EQ(build({{u"\\a\\b"}, {u"\\a"}}), STATUS_SUCCESS);
    texts_[3] = u'X';
    EXPECT_EQ(longest(u"\\a\\b\\c"), 1U);
    texts_[1] = u'Y';
    texts_[5] = u'Y';
    EXPECT_EQ(longest(u"\\a\\b\\c"), kNone);
}

// Random rules and paths over few letters, so that prefixes, neighbours and long runs of taken places are common.
// Catches: a rule that is not found behind others; any of the above in a combination nobody thought of.
TEST_F(PathTable, AgreesWithASearchThatComparesTexts) {
    const std::uint64_t seed = run_seed();
    std::mt19937_64 random(seed);
    const auto some_path = [&] {
        std::u16string path;
        for (std::uint64_t depth = 1 + random() % 4; depth != 0; --depth) {
            path += random() % 2 == 0 ? u'\\' : u'/';
            for (std::uint64_t units = 1 + random() % 3; units != 0; --units) {
                path += u"abAB"[random() % 4];
            }
        }
        return path;
    };
    const auto folded = [](std::u16string path) {
        for (char16_t& unit : path) {
            unit = unit == u'/' ? u'\\' : unit == u'a' ? u'A' : unit == u'b' ? u'B' : unit;
        }
        return path;
    };
    for (int round = 0; round < 40; ++round) {
        std::vector<Rule> rules;
        for (std::uint64_t count = random() % 300; count != 0; --count) {
            const std::u16string path = some_path();
            const auto same = [&](const Rule& rule) { return folded(rule.path) == folded(path); };
            if (std::none_of(rules.begin(), rules.end(), same)) {
                rules.push_back({path, static_cast<std::uint32_t>(2 + random() % 3)});
            }
        }
        ASSERT_EQ(build(rules), STATUS_SUCCESS);
        for (int look = 0; look < 200; ++look) {
            const std::u16string path = some_path();
            std::optional<std::size_t> expected;
            for (std::size_t i = 0; i < rules.size(); ++i) {
                const std::u16string rule = folded(rules[i].path);
                const std::u16string whole = folded(path);
                const bool below =
                    whole.starts_with(rule) && (whole.size() == rule.size() || whole[rule.size()] == u'\\');
                if (below && (rules[i].types & 2) != 0 &&
                    (!expected || rules[*expected].path.size() < rules[i].path.size())) {
                    expected = i;
                }
            }
            ASSERT_EQ(longest(path), expected) << "seed " << seed;
        }
    }
}

}  // namespace
}  // namespace aegis::test
