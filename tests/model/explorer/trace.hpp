// The record of one execution, printed when it fails.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "explorer/operation.hpp"

namespace aegis::model {

// What a location is called in a trace: "word 1.2". Built only when it is printed.
struct LocationName {
    static constexpr unsigned kNoIndex = ~0U;

    const char* text = "location";
    unsigned first = kNoIndex;
    unsigned second = kNoIndex;
};

struct TraceEntry {
    ThreadId thread = 0;
    bool is_note = false;
    bool weakened = false;
    bool wrote = false;  // a compare-exchange that succeeded, any other writing operation
    Operation operation;
    const char* note = nullptr;  // instead of an operation
    std::uint64_t value = 0;     // loaded, or the note's number
    Step read_from = 0;
};

class Trace {
  public:
    void clear() { entries_.clear(); }
    void add(const TraceEntry& entry) { entries_.push_back(entry); }

    // The step that the next entry gets. Step 0 is the initial state.
    Step next_step() const { return static_cast<Step>(entries_.size()) + 1; }

    std::string print(const std::vector<std::string>& threads, const std::vector<LocationName>& locations) const;

  private:
    std::vector<TraceEntry> entries_;
};

}  // namespace aegis::model
