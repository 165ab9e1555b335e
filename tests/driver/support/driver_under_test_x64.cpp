#include <cstdio>
#include <cstdlib>

#include "driver/host/image/driver_image.hpp"
#include "driver/host/image/image_loader.hpp"
#include "driver/support/driver_under_test.hpp"

extern "C" DRIVER_INITIALIZE DriverEntry;

namespace aegis::test {

struct DriverUnderTest::Image {
    std::unique_ptr<host::DriverImage> mapped;
};

DriverUnderTest::DriverUnderTest() : image_(std::make_unique<Image>()) {}
DriverUnderTest::~DriverUnderTest() = default;

DRIVER_INITIALIZE* DriverUnderTest::fresh_entry() {
    const char* path = std::getenv("AEGIS_DRIVER_IMAGE");
    if (path == nullptr) {
        return DriverEntry;
    }
    image_->mapped.reset();
    host::DriverImageResult loaded = host::load_driver_image(path);
    if (!loaded.image) {
        std::fprintf(stderr, "%s\n", loaded.error.c_str());
        std::abort();
    }
    image_->mapped = std::move(loaded.image);
    return image_->mapped->entry();
}

}  // namespace aegis::test
