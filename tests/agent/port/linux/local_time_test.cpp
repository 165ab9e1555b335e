// Local time as the system counts it, in zones written out by hand.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

#include "agent/port/port.hpp"
#include "port/linux/child.hpp"

namespace aegis {
namespace {

using test::in_child_with_stdout;
using test::kPassed;

constexpr std::int64_t kWinter = 133485410400000000;  // 2024-01-01T00:04:00Z
constexpr std::int64_t kSummer = 133642930400000000;  // 2024-07-01T07:37:20Z

bool offsets_are(const char* zone, std::int32_t winter, std::int32_t summer) {
    return in_child_with_stdout(STDOUT_FILENO, [&] {
               setenv("TZ", zone, 1);
               tzset();
               const auto port = agent::make_port();
               return port->utc_offset(kWinter) == winter && port->utc_offset(kSummer) == summer ? kPassed : 1;
           }) == kPassed;
}

// Catches: the present offset for every moment, a wrong sign, a wrong epoch (the changes are months away).
TEST(LocalTime, IsThatOfTheZoneAtTheMoment) {
    EXPECT_TRUE(offsets_are("UTC0", 0, 0));
    EXPECT_TRUE(offsets_are("IST-5:30", 19800, 19800));
    EXPECT_TRUE(offsets_are("CET-1CEST,M3.5.0,M10.5.0/3", 3600, 7200));
    EXPECT_TRUE(offsets_are("NST3:30NDT,M3.2.0,M11.1.0", -12600, -9000));
    EXPECT_TRUE(offsets_are("nonsense", 0, 0));
}

// A driver may send any number. Catches: a moment that the calendar of the system cannot take being an error.
TEST(LocalTime, AnyMomentHasAnOffset) {
    EXPECT_EQ(in_child_with_stdout(
                  STDOUT_FILENO,
                  [] {
                      setenv("TZ", "IST-5:30", 1);
                      tzset();
                      const auto port = agent::make_port();
                      return port->utc_offset(INT64_MAX) == 19800 && port->utc_offset(INT64_MIN) == 19800 ? kPassed : 1;
                  }),
              kPassed);
}

}  // namespace
}  // namespace aegis
