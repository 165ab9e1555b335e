// Protection through the C interface, against a running host.

#include <gtest/gtest.h>

#include <cstring>

#include "opened.hpp"

namespace aegis::test {
namespace {

// Catches: a request that does not arrive, or that a second one of the same client repeats in silence.
TEST(Protection, IsForOnceUntilTheClientIsClosed) {
    const HostProgram host({"--source", "synthetic:1"});
    Client client = open_client(host);
    const Client other = open_client(host);
    ASSERT_EQ(aegis_protect(client.get(), AEGIS_FOREVER), AEGIS_OK) << aegis_last_error();
    EXPECT_EQ(aegis_protect(client.get(), AEGIS_FOREVER), AEGIS_ERROR_FAILED);
    EXPECT_NE(std::strstr(aegis_last_error(), "0xC0000718"), nullptr) << aegis_last_error();
    EXPECT_EQ(aegis_protect(other.get(), 1000), AEGIS_OK) << aegis_last_error();
    client = open_client(host);
    EXPECT_EQ(aegis_protect(client.get(), AEGIS_FOREVER), AEGIS_OK) << aegis_last_error();
}

TEST(Protection, CallsThatMakeNoSense) {
    const HostProgram host({"--source", "synthetic:1"});
    const Client client = open_client(host);
    EXPECT_EQ(aegis_protect(nullptr, AEGIS_FOREVER), AEGIS_ERROR_ARGUMENT);
    EXPECT_EQ(aegis_protect(client.get(), -2), AEGIS_ERROR_ARGUMENT);
}

}  // namespace
}  // namespace aegis::test
