#include "sensors/loaded_path.hpp"

#include <cstdint>

namespace aegis::driver {
namespace {

constexpr WCHAR kFullStop = u'.';
constexpr std::size_t kTailBegins = AEGIS_IMAGE_CUT_HEAD + AEGIS_IMAGE_CUT_MARK;

bool is_first_of_pair(WCHAR unit) {
    return (unit & 0xFC00) == 0xD800;
}

bool is_second_of_pair(WCHAR unit) {
    return (unit & 0xFC00) == 0xDC00;
}

void copy_units(const WCHAR* from, std::size_t units, std::uint16_t* to) {
    RtlCopyMemory(to, from, units * sizeof(WCHAR));
}

// `units` are more than fit.
void copy_without_middle(const WCHAR* text, std::size_t units, std::uint16_t* path) {
    const WCHAR* const tail = text + units - AEGIS_IMAGE_CUT_TAIL;
    copy_units(text, AEGIS_IMAGE_CUT_HEAD, path);
    for (std::size_t i = AEGIS_IMAGE_CUT_HEAD; i < kTailBegins; ++i) {
        path[i] = kFullStop;
    }
    copy_units(tail, AEGIS_IMAGE_CUT_TAIL, path + kTailBegins);
    // Half a pair is no character. One that stood alone in the path before the cut stays.
    if (is_first_of_pair(text[AEGIS_IMAGE_CUT_HEAD - 1]) && is_second_of_pair(text[AEGIS_IMAGE_CUT_HEAD])) {
        path[AEGIS_IMAGE_CUT_HEAD - 1] = kFullStop;
    }
    if (is_first_of_pair(tail[-1]) && is_second_of_pair(tail[0])) {
        path[kTailBegins] = kFullStop;
    }
}

}  // namespace

std::size_t copy_loaded_path(const UNICODE_STRING* path, AEGIS_IMAGE_PAYLOAD* payload) {
    if (path == nullptr || path->Buffer == nullptr) {
        return 0;
    }
    const std::size_t units = path->Length / sizeof(WCHAR);
    payload->PathFullLength = static_cast<std::uint16_t>(units);
    if (units <= AEGIS_IMAGE_MAX_PATH_REPORTED) {
        copy_units(path->Buffer, units, payload->Path);
        payload->PathLength = static_cast<std::uint16_t>(units);
        return units * sizeof(WCHAR);
    }
    copy_without_middle(path->Buffer, units, payload->Path);
    payload->PathLength = AEGIS_IMAGE_MAX_PATH_REPORTED;
    return AEGIS_IMAGE_MAX_PATH_REPORTED * sizeof(WCHAR);
}

}  // namespace aegis::driver
