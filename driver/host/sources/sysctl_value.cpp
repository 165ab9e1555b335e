#include "driver/host/sources/sysctl_value.hpp"

#include <utf8.h>

#include <algorithm>
#include <iterator>

namespace aegis::host::sources {
namespace {

constexpr std::u16string_view kSysctlRoot = u"\\REGISTRY\\LINUX\\sysctl";

std::u16string utf16_of(std::string_view text) {
    std::string valid;
    utf8::replace_invalid(text.begin(), text.end(), std::back_inserter(valid));
    std::u16string result;
    utf8::unchecked::utf8to16(valid.begin(), valid.end(), std::back_inserter(result));
    return result;
}

}  // namespace

SysctlValue sysctl_value(std::string_view path, std::string_view value) {
    const std::size_t name = path.rfind('/') + 1;
    std::u16string folders = utf16_of(path.substr(0, name == 0 ? 0 : name - 1));
    std::replace(folders.begin(), folders.end(), u'/', u'\\');
    SysctlValue written;
    written.key = kSysctlRoot;
    if (!folders.empty()) {
        written.key.append(u"\\").append(folders);
    }
    written.name = utf16_of(path.substr(name));
    written.data = utf16_of(value);
    return written;
}

}  // namespace aegis::host::sources
