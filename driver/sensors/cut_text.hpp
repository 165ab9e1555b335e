// Text that is too long for its place in an event: what is left of it are its beginning, three full stops and its end.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nt/nt.hpp"
#include "policy/path_table.hpp"

namespace aegis::driver {

inline constexpr WCHAR kFullStop = u'.';
inline constexpr std::size_t kCutMark = 3;  // the full stops

// Whether a cut between the two would split a surrogate pair.
constexpr bool is_pair(WCHAR first, WCHAR second) {
    return (first & 0xFC00) == 0xD800 && (second & 0xFC00) == 0xDC00;
}

// Text in one piece, or in two with a separator between: a folder and what is in it. Any IRQL at which its memory may
// be touched.
class JoinedText {
  public:
    explicit JoinedText(PathText whole) : first_(whole) {}
    JoinedText(PathText folder, PathText name) : first_(folder), second_(name), joined_(true) {}

    std::size_t length() const { return first_.length + (joined_ ? 1 + second_.length : 0); }
    WCHAR at(std::size_t index) const;
    // Copies as many as are asked for, which are there.
    void copy(std::size_t from, std::size_t units, std::uint16_t* to) const;
    // In one piece, or, where it is in two, the beginning of it in `scratch`, which has room for so many units.
    PathText in_one_piece(std::uint16_t* scratch, std::size_t room) const;

  private:
    PathText first_;
    PathText second_{};
    bool joined_ = false;
};

// Copies the text to `to`. Where it has more than `room` units, its first `head` and its last ones, each in its fixed
// place; a surrogate whose other half is cut off becomes a full stop, too. Returns how many units that are.
std::size_t copy_cut(const JoinedText& text, std::size_t head, std::size_t room, std::uint16_t* to);

}  // namespace aegis::driver
