// The driver under test lets in whom Wine never says anything about, on Wine alone. The shipped driver does not:
// device_security_test.cpp.

#include <gtest/gtest.h>

#include "driver/support/unknown_opener.hpp"

namespace aegis::test {
namespace {

class WineOpener : public testing::TestWithParam<Unknown> {};

// Catches: the name that tells Wine not asked for.
TEST_P(WineOpener, IsRefusedElsewhere) {
    TestHost host;
    EXPECT_EQ(open_as_unknown(host, GetParam()), STATUS_ACCESS_DENIED);
}

// Catches: its answer without effect.
TEST_P(WineOpener, IsAdmittedOnWine) {
    host::ExecutiveOptions options;
    options.other_exports["wine_ntoskrnl_main_loop"] = &options;
    TestHost host(options);
    EXPECT_EQ(open_as_unknown(host, GetParam()), STATUS_SUCCESS);
}

INSTANTIATE_TEST_SUITE_P(AccessStateMissing, WineOpener, testing::Values(Unknown::kAccessState));
INSTANTIATE_TEST_SUITE_P(ContextMissing, WineOpener, testing::Values(Unknown::kWholeContext));

}  // namespace
}  // namespace aegis::test
