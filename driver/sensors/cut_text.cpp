#include "sensors/cut_text.hpp"

namespace aegis::driver {
namespace {

constexpr WCHAR kSeparator = u'\\';

// A text that there is not has no address.
void copy_units(const WCHAR* from, std::size_t units, std::uint16_t* to) {
    if (units != 0) {
        RtlCopyMemory(to, from, units * sizeof(WCHAR));
    }
}

}  // namespace

WCHAR JoinedText::at(std::size_t index) const {
    if (index < first_.length) {
        return first_.units[index];
    }
    return index == first_.length ? kSeparator : second_.units[index - first_.length - 1];
}

void JoinedText::copy(std::size_t from, std::size_t units, std::uint16_t* to) const {
    if (from + units <= first_.length) {
        copy_units(first_.units + from, units, to);
        return;
    }
    for (std::size_t i = 0; i < units; ++i) {
        to[i] = at(from + i);
    }
}

PathText JoinedText::in_one_piece(std::uint16_t* scratch, std::size_t room) const {
    if (!joined_) {
        return first_;
    }
    const std::size_t units = length() < room ? length() : room;
    copy(0, units, scratch);
    return {reinterpret_cast<const WCHAR*>(scratch), units};
}

std::size_t copy_cut(const JoinedText& text, std::size_t head, std::size_t room, std::uint16_t* to) {
    const std::size_t units = text.length();
    if (units <= room) {
        text.copy(0, units, to);
        return units;
    }
    const std::size_t tail_place = head + kCutMark;
    const std::size_t tail = units - (room - tail_place);
    text.copy(0, head, to);
    for (std::size_t i = head; i < tail_place; ++i) {
        to[i] = kFullStop;
    }
    text.copy(tail, room - tail_place, to + tail_place);
    // Half a pair is no character. One that stood alone in the text before the cut stays.
    if (is_pair(text.at(head - 1), text.at(head))) {
        to[head - 1] = kFullStop;
    }
    if (is_pair(text.at(tail - 1), text.at(tail))) {
        to[tail_place] = kFullStop;
    }
    return room;
}

}  // namespace aegis::driver
