#include "sensors/image_path.hpp"

#include <cstdint>

#include "sensors/cut_text.hpp"

namespace aegis::driver {
namespace {

void copy_units(const WCHAR* from, std::size_t units, std::uint16_t* to) {
    RtlCopyMemory(to, from, units * sizeof(WCHAR));
}

// `units` are more than fit.
void copy_without_middle(const WCHAR* text, std::size_t units, AEGIS_PROCESS_PAYLOAD* payload) {
    std::size_t head = AEGIS_PATH_CUT_HEAD;
    if (is_pair(text[head - 1], text[head])) {
        --head;
    }
    std::size_t tail = AEGIS_PATH_CUT_TAIL;
    if (is_pair(text[units - tail - 1], text[units - tail])) {
        --tail;
    }
    std::uint16_t* const path = payload->ImagePath;
    copy_units(text, head, path);
    for (std::size_t i = 0; i < AEGIS_PATH_CUT_MARK; ++i) {
        path[head + i] = kFullStop;
    }
    copy_units(text + units - tail, tail, path + head + AEGIS_PATH_CUT_MARK);
    const std::size_t length = head + AEGIS_PATH_CUT_MARK + tail;
    RtlZeroMemory(path + length, (AEGIS_PATH_CUT_PLACE - length) * sizeof(WCHAR));
    path[AEGIS_PATH_CUT_PLACE] = static_cast<std::uint16_t>(head);
    path[AEGIS_PATH_CUT_FULL] = static_cast<std::uint16_t>(units);
    payload->ImagePathLength = static_cast<std::uint16_t>(length);
}

}  // namespace

std::size_t copy_image_path(PCUNICODE_STRING path, bool vouched, AEGIS_PROCESS_PAYLOAD* payload) {
    if (path == nullptr || path->Buffer == nullptr) {
        return 0;
    }
    const std::size_t units = path->Length / sizeof(WCHAR);
    if (units <= AEGIS_MAX_PATH_REPORTED) {
        copy_units(path->Buffer, units, payload->ImagePath);
        payload->ImagePathLength = static_cast<std::uint16_t>(units);
        payload->ImagePathExact = vouched ? 1 : 0;
        return units * sizeof(WCHAR);
    }
    copy_without_middle(path->Buffer, units, payload);
    payload->ImagePathFlags = vouched ? AEGIS_PATH_CUT | AEGIS_PATH_CUT_EXACT : AEGIS_PATH_CUT;
    return sizeof(payload->ImagePath);
}

}  // namespace aegis::driver
