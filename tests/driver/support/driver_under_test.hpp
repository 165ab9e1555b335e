// Which driver the tests run: the sources compiled for Linux, or the image that AEGIS_DRIVER_IMAGE names.
#pragma once

#include <ntifs.h>

#include <memory>

namespace aegis::test {

class DriverUnderTest {
  public:
    DriverUnderTest();
    ~DriverUnderTest();

    // For the next load; what the one before ran is gone then. An image is mapped anew, as NT does it.
    DRIVER_INITIALIZE* fresh_entry();

  private:
    struct Image;
    std::unique_ptr<Image> image_;
};

}  // namespace aegis::test
