#include "agent/port/dos_paths.hpp"

#include <algorithm>
#include <utility>

namespace aegis::agent {
namespace {

constexpr std::string_view kDosDevices = R"(\??\)";
constexpr std::string_view kDevices = R"(\Device\)";

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool starts_with(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() &&
           std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) { return lower(a) == lower(b); });
}

// HarddiskVolume1 must not match HarddiskVolume12.
bool starts_with_components(std::string_view path, std::string_view prefix) {
    return starts_with(path, prefix) && (path.size() == prefix.size() || path[prefix.size()] == '\\');
}

}  // namespace

DosPaths::DosPaths(Query query, std::chrono::nanoseconds requery_interval)
    : query_(std::move(query)),
      requery_interval_(requery_interval),
      queried_(std::chrono::steady_clock::now()),
      prefixes_(query_()) {}

bool DosPaths::translate(std::string_view nt_path, std::string& dos) {
    if (translate_by_table(nt_path, dos)) {
        return true;
    }
    // A volume may have been mounted since; asking at every unknown path would let one program slow the agent down.
    const auto now = std::chrono::steady_clock::now();
    if (!starts_with(nt_path, kDevices) || now - queried_ < requery_interval_) {
        return false;
    }
    queried_ = now;
    prefixes_ = query_();
    return translate_by_table(nt_path, dos);
}

bool DosPaths::translate_by_table(std::string_view nt_path, std::string& dos) const {
    for (const DosPrefix& prefix : prefixes_) {
        if (starts_with_components(nt_path, prefix.nt)) {
            dos.assign(prefix.dos);
            dos.append(nt_path.substr(prefix.nt.size()));
            return true;
        }
    }
    if (starts_with(nt_path, kDosDevices)) {
        dos.assign(nt_path.substr(kDosDevices.size()));
        return true;
    }
    return false;
}

}  // namespace aegis::agent
