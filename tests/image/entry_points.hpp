// The image that ships with some of its bytes changed, and where in it NT calls it.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "aegis/ioctl.h"
#include "driver/host/image/driver_image.hpp"
#include "image/support.hpp"

namespace aegis::test {

struct EntryPoints {
    std::uint32_t entry = 0;
    std::uint32_t unload = 0;
    std::uint32_t control = 0;
    std::uint32_t notify = 0;
    std::uint32_t guard = 0;  // not NT's: the one function of the driver that catches
};

// Of the image that ships, by loading it once.
const EntryPoints& entry_points();

// The file that ships, to be changed at addresses of the image.
class ChangedImage {
  public:
    ChangedImage();

    template <class T>
    T get(std::uint32_t rva) const {
        T value;
        std::memcpy(&value, file_.data() + offset_of(rva), sizeof(value));
        return value;
    }
    template <class T>
    void put(std::uint32_t rva, const T& value) {
        std::memcpy(file_.data() + offset_of(rva), &value, sizeof(value));
    }

    // The row of .pdata of the function that begins there.
    std::uint32_t function_row(std::uint32_t function_rva) const;
    const host::PeFile& pe() const { return pe_; }

    host::DriverImageResult bind() const;
    // Loads it, opens its device, sets up a consumer, starts a process, asks, closes, unloads. Returns the answer,
    // which is all zeros when it does not load.
    AEGIS_QUERY_REPLY live() const;

  private:
    std::size_t offset_of(std::uint32_t rva) const;

    std::vector<std::byte> file_;
    host::PeFile pe_;
};

}  // namespace aegis::test
