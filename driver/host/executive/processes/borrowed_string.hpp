// A string that NT lends to a callback.
#pragma once

#include <ntifs.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "driver/host/executive/memory/pageable.hpp"

namespace aegis::host {

// A counted string with room for one unit more than it has, as NT's strings may have: what is there is no part of it.
// The memory ends with the room, so that a sanitizer sees a read past its end; it is pageable, as NT's is; and
// unreadable in meaning after the call, so that a kept pointer shows. A view without data has no Buffer.
class BorrowedString {
  public:
    explicit BorrowedString(std::optional<std::u16string_view> text);
    ~BorrowedString();
    BorrowedString(const BorrowedString&) = delete;
    BorrowedString& operator=(const BorrowedString&) = delete;

    // Null without a text.
    PUNICODE_STRING get() const { return string_.get(); }

  private:
    std::size_t room_bytes_ = 0;
    std::unique_ptr<char16_t[]> characters_;
    std::unique_ptr<UNICODE_STRING> string_;
    std::optional<PageableMemory> pageable_;  // the characters
};

}  // namespace aegis::host
