#include "driver/host/executive/processes/borrowed_string.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "driver/host/executive/executive.hpp"

namespace aegis::host {

BorrowedString::BorrowedString(std::optional<std::u16string_view> text) {
    if (!text) {
        return;
    }
    constexpr std::size_t kMostUnits = std::numeric_limits<USHORT>::max() / sizeof(char16_t);
    const std::size_t units = std::min(text->size(), kMostUnits);
    const std::size_t room = std::min(units + 1, kMostUnits);
    room_bytes_ = room * sizeof(char16_t);
    characters_.reset(new char16_t[room]);
    std::memset(characters_.get(), kPoolAllocatedPoison, room_bytes_);
    std::copy_n(text->begin(), units, characters_.get());
    string_ = std::make_unique<UNICODE_STRING>(UNICODE_STRING{static_cast<USHORT>(units * sizeof(char16_t)),
                                                              static_cast<USHORT>(room_bytes_),
                                                              text->data() != nullptr ? characters_.get() : nullptr});
    pageable_.emplace(characters_.get(), room_bytes_);
}

BorrowedString::~BorrowedString() {
    pageable_.reset();
    if (string_) {
        std::memset(characters_.get(), kPoolFreedPoison, room_bytes_);
        std::memset(string_.get(), kPoolFreedPoison, sizeof(*string_));
    }
}

}  // namespace aegis::host
