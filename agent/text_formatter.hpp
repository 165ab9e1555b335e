// The line format of Part 2, for people.
//
//   [12:34:56.789] #17 CREATE pid=812 ppid=640 creator=640 \Device\HarddiskVolume3\Windows\System32\cmd.exe
//   [12:34:56.912] #18 EXIT pid=812
//   [12:34:57.001] LOST 3 events (#19..#21)
//   [12:34:57.002] #22 type=5 (96 bytes)
//
// After the path: [partial-name] when Windows does not vouch for it, [invalid-utf16] when it held unpaired
// surrogates, [creator!=parent] when they differ.
#pragma once

#include "agent/formatter.hpp"
#include "agent/timestamp.hpp"

namespace aegis::agent {

class TextFormatter final : public Formatter {
  public:
    void append_event(const Event& event, std::uint64_t sequence, Lines& lines) override;
    void append_loss(const LostEvents& lost, std::int64_t filetime, Lines& lines) override;

  private:
    void append_time(std::int64_t filetime, Lines& lines);
    void append_create(const Event& event, Lines& lines);

    TimestampFormatter time_;
    Lines path_;  // reused, so that no event allocates
};

}  // namespace aegis::agent
