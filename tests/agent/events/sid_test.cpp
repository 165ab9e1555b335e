#include "agent/events/sid.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "support/event_bytes.hpp"

namespace aegis {
namespace {

std::string text(const std::vector<unsigned char>& sid) {
    agent::Lines lines;
    return agent::append_sid(std::as_bytes(std::span(sid)), lines) ? fmt::to_string(lines) : "(none)";
}

std::optional<std::uint32_t> uid(const std::vector<unsigned char>& sid) {
    return agent::unix_user(std::as_bytes(std::span(sid)));
}

TEST(Sid, AsText) {
    EXPECT_EQ(text({test::kUserSid.begin(), test::kUserSid.end()}), "S-1-5-21-1-2-3-1000");
    EXPECT_EQ(text({1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0}), "S-1-5-18");
    EXPECT_EQ(text({1, 0, 1, 2, 3, 4, 5, 6}), "S-1-1108152157446");
}

// Catches: a length that is believed, a revision that is not looked at.
TEST(Sid, WhatIsNoneHasNoText) {
    EXPECT_EQ(text({}), "(none)");
    EXPECT_EQ(text({1, 0, 0, 0, 0, 0, 0}), "(none)");
    EXPECT_EQ(text({1, 1, 0, 0, 0, 0, 0, 5}), "(none)");
    EXPECT_EQ(text({2, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0}), "(none)");
    EXPECT_EQ(text({1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, 0}), "(none)");
}

TEST(Sid, OfAUserOfUnix) {
    EXPECT_EQ(uid({1, 2, 0, 0, 0, 0, 0, 22, 1, 0, 0, 0, 0xE8, 3, 0, 0}), 1000U);
    EXPECT_EQ(uid({1, 2, 0, 0, 0, 0, 0, 22, 2, 0, 0, 0, 0xE8, 3, 0, 0}), std::nullopt) << "a group";
    EXPECT_EQ(uid({1, 2, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0, 0xE8, 3, 0, 0}), std::nullopt);
    EXPECT_EQ(uid({1, 1, 0, 0, 0, 0, 0, 22, 1, 0, 0, 0}), std::nullopt);
    EXPECT_EQ(uid({}), std::nullopt);
}

}  // namespace
}  // namespace aegis
