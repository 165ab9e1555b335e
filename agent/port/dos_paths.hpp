// Turns the paths the Windows kernel uses (\Device\HarddiskVolume3\Windows\…) into those users know (C:\Windows\…).
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::agent {

// A prefix of NT paths, whole components without a trailing backslash, and what stands for it in a DOS path.
// UTF-8; the case of the prefix does not matter for ASCII letters.
struct DosPrefix {
    std::string nt;
    std::string dos;
};

// Not thread-safe: each worker has its own.
class DosPaths {
  public:
    using Query = std::function<std::vector<DosPrefix>()>;

    // `query` asks the system for its present prefixes: once now, and again when a volume is met that none matches,
    // at most once per `requery_interval`.
    explicit DosPaths(Query query, std::chrono::nanoseconds requery_interval = std::chrono::seconds(5));

    // Writes the DOS form of `nt_path` to `dos`; false, and `dos` unspecified, when there is none.
    bool translate(std::string_view nt_path, std::string& dos);

  private:
    bool translate_by_table(std::string_view nt_path, std::string& dos) const;

    Query query_;
    std::chrono::nanoseconds requery_interval_;
    std::chrono::steady_clock::time_point queried_;
    std::vector<DosPrefix> prefixes_;
};

}  // namespace aegis::agent
