#include "agent/port/user_names.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace aegis {
namespace {

std::array<std::byte, 4> sid(std::uint32_t number) {
    std::array<std::byte, 4> bytes;
    std::memcpy(bytes.data(), &number, sizeof(number));
    return bytes;
}

// Catches: a question to the system with each event, also where it knows no name.
TEST(UserNames, TheSystemIsAskedOnceForEachUser) {
    int asked = 0;
    agent::UserNames users([&](std::span<const std::byte> who) {
        ++asked;
        return std::to_integer<int>(who[0]) == 1 ? agent::UserName{"anna", "BOX"} : agent::UserName{};
    });
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(users.find(sid(1)).name, "anna");
        EXPECT_EQ(users.find(sid(1)).domain, "BOX");
        EXPECT_EQ(users.find(sid(2)).name, "");
    }
    EXPECT_EQ(asked, 2);
}

// Catches: a memory of users without end.
TEST(UserNames, MoreUsersThanThereAreAreAskedForAgain) {
    std::size_t asked = 0;
    agent::UserNames users([&](std::span<const std::byte>) {
        ++asked;
        return agent::UserName{};
    });
    const auto all = static_cast<std::uint32_t>(agent::UserNames::kMostUsers);
    for (int i = 0; i < 2; ++i) {
        for (std::uint32_t number = 0; number < all; ++number) {
            users.find(sid(number));
        }
    }
    EXPECT_EQ(asked, agent::UserNames::kMostUsers);
    users.find(sid(all));
    users.find(sid(0));
    EXPECT_EQ(asked, agent::UserNames::kMostUsers + 2);
}

}  // namespace
}  // namespace aegis
