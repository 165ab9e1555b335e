// On processors that cannot run the image.
#include "driver/support/driver_under_test.hpp"

extern "C" DRIVER_INITIALIZE DriverEntry;

namespace aegis::test {

struct DriverUnderTest::Image {};

DriverUnderTest::DriverUnderTest() = default;
DriverUnderTest::~DriverUnderTest() = default;

DRIVER_INITIALIZE* DriverUnderTest::fresh_entry() {
    return DriverEntry;
}

}  // namespace aegis::test
