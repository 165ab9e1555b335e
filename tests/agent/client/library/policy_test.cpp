// Policies through the C interface, against a running host.

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "eventually.hpp"
#include "opened.hpp"

namespace aegis::test {
namespace {

// Nothing but what the types say: starts are off.
AEGIS_POLICY_HEADER policy_without_starts() {
    AEGIS_POLICY_HEADER blob = {};
    blob.Magic = AEGIS_POLICY_MAGIC;
    blob.Version = AEGIS_POLICY_VERSION;
    blob.Bytes = sizeof(blob);
    blob.Types[AEGIS_EVENT_PROCESS_CREATE].Default = AEGIS_POLICY_DROP;
    for (AEGIS_POLICY_SECTION& section : blob.Sections) {
        section.Offset = sizeof(blob);
    }
    return blob;
}

std::int32_t set(const Client& client, const AEGIS_POLICY_HEADER& blob, AEGIS_SET_POLICY_REPLY* reply = nullptr) {
    return aegis_set_policy(client.get(), &blob, sizeof(blob), reply, sizeof(*reply), AEGIS_FOREVER);
}

AEGIS_GET_POLICY_REPLY get(const Client& client) {
    AEGIS_GET_POLICY_REPLY reply = {};
    EXPECT_EQ(aegis_get_policy(client.get(), &reply, sizeof(reply), AEGIS_FOREVER), AEGIS_OK) << aegis_last_error();
    return reply;
}

// Catches: a blob that does not arrive, a reply that does not come back, a policy that outlives its client.
TEST(Policy, DecidesUntilItsClientIsClosed) {
    const HostProgram host({"--source", "synthetic:1000"});
    Client client = open_client(host);
    Client reader = open_client(host);
    AEGIS_SET_POLICY_REPLY reply = {};
    ASSERT_EQ(set(client, policy_without_starts(), &reply), AEGIS_OK) << aegis_last_error();
    EXPECT_EQ(reply.Generation, 1U);
    const AEGIS_GET_POLICY_REPLY policy = get(reader);
    EXPECT_EQ(policy.Generation, 1U);
    EXPECT_EQ(policy.Digest, reply.Digest);
    EXPECT_EQ(policy.OwnerProcessId, static_cast<std::uint32_t>(getpid()));
    EXPECT_TRUE(eventually([&] { return get(reader).Types[AEGIS_EVENT_PROCESS_CREATE].Filtered > 0; }));
    client.reset();
    EXPECT_EQ(get(reader).Generation, 0U);
}

// Catches: a cause that is not named.
TEST(Policy, AnotherProgramsPolicyIsNamed) {
    const HostProgram host({"--source", "synthetic:1"});
    const Client first = open_client(host);
    const Client second = open_client(host);
    ASSERT_EQ(set(first, policy_without_starts()), AEGIS_OK) << aegis_last_error();
    EXPECT_EQ(set(second, policy_without_starts()), AEGIS_ERROR_FAILED);
    EXPECT_NE(std::strstr(aegis_last_error(), "another handle's policy is in force"), nullptr) << aegis_last_error();
    EXPECT_EQ(get(second).Generation, 1U);
}

// Catches: a refused blob that changes something; an error without the driver's reason.
TEST(Policy, WhatTheDriverRefusesChangesNothing) {
    const HostProgram host({"--source", "synthetic:1"});
    const Client client = open_client(host);
    AEGIS_POLICY_HEADER blob = policy_without_starts();
    blob.Types[AEGIS_EVENT_PROCESS_CREATE].Default = 9;
    EXPECT_EQ(set(client, blob), AEGIS_ERROR_FAILED);
    EXPECT_NE(std::strstr(aegis_last_error(), "0xC0000232"), nullptr) << aegis_last_error();
    EXPECT_EQ(get(client).Generation, 0U);
}

TEST(Policy, CallsThatMakeNoSense) {
    const HostProgram host({"--source", "synthetic:1"});
    const Client client = open_client(host);
    const AEGIS_POLICY_HEADER blob = policy_without_starts();
    EXPECT_EQ(aegis_set_policy(nullptr, &blob, sizeof(blob), nullptr, 0, 0), AEGIS_ERROR_ARGUMENT);
    EXPECT_EQ(aegis_set_policy(client.get(), nullptr, sizeof(blob), nullptr, 0, 0), AEGIS_ERROR_ARGUMENT);
    EXPECT_EQ(aegis_set_policy(client.get(), &blob, 0, nullptr, 0, 0), AEGIS_ERROR_ARGUMENT);
    EXPECT_EQ(aegis_set_policy(client.get(), &blob, AEGIS_POLICY_BYTES_MAX + 1, nullptr, 0, 0), AEGIS_ERROR_ARGUMENT);
    EXPECT_EQ(aegis_set_policy(client.get(), &blob, sizeof(blob), nullptr, 0, -2), AEGIS_ERROR_ARGUMENT);
    EXPECT_EQ(aegis_get_policy(client.get(), nullptr, 8, 0), AEGIS_ERROR_ARGUMENT);
    AEGIS_GET_POLICY_REPLY reply = {};
    EXPECT_EQ(aegis_get_policy(client.get(), &reply, 0, 0), AEGIS_ERROR_ARGUMENT);
    // No more than there is room for.
    std::array<std::uint64_t, 2> some = {0, ~0ULL};
    EXPECT_EQ(aegis_get_policy(client.get(), reinterpret_cast<AEGIS_GET_POLICY_REPLY*>(some.data()), 8, AEGIS_FOREVER),
              AEGIS_OK);
    EXPECT_EQ(some[0], std::uint64_t{sizeof(AEGIS_GET_POLICY_REPLY)} << 32 | AEGIS_CONTROL_VERSION);
    EXPECT_EQ(some[1], ~0ULL);
}

}  // namespace
}  // namespace aegis::test
