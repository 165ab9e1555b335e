#include "sensors/loaded_path.hpp"

#include <cstdint>

#include "sensors/cut_text.hpp"

namespace aegis::driver {

static_assert(AEGIS_IMAGE_CUT_MARK == kCutMark);

std::size_t copy_loaded_path(const UNICODE_STRING* path, AEGIS_IMAGE_PAYLOAD* payload) {
    if (path == nullptr || path->Buffer == nullptr) {
        return 0;
    }
    const std::size_t units = path->Length / sizeof(WCHAR);
    const std::size_t copied =
        copy_cut(JoinedText({path->Buffer, units}), AEGIS_IMAGE_CUT_HEAD, AEGIS_IMAGE_MAX_PATH_REPORTED, payload->Path);
    payload->PathFullLength = static_cast<std::uint16_t>(units);
    payload->PathLength = static_cast<std::uint16_t>(copied);
    return copied * sizeof(WCHAR);
}

}  // namespace aegis::driver
