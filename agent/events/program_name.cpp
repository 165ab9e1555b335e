#include "agent/events/program_name.hpp"

namespace aegis::agent {

std::string_view program_name(const Event& event, std::string_view path) {
    if (path.empty()) {
        return {};
    }
    // A path that begins with a slash is no NT path, and may hold backslashes in its names.
    const char separator = path.front() == '/' ? '/' : '\\';
    const std::u16string_view end = event.path().substr(event.path_tail);
    if (event.path_cut() && end.find(static_cast<char16_t>(separator)) == std::u16string_view::npos) {
        return {};
    }
    return path.substr(path.rfind(separator) + 1);
}

}  // namespace aegis::agent
