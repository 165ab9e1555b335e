// The members of a process object that every event about a process has, whatever else it tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/events/lines.hpp"
#include "agent/events/process_table.hpp"

namespace aegis::agent {

// Where the texts of a process lie in the table, as NDJSON keeps them. Each is a row of members with a comma before
// each, but for the path's.
enum ProcessText : std::size_t {
    kExecutableText,  // executable
    kOriginText,      // name, parent
    kPathText,        // of aegis.process: what qualifies the executable; the first member without a comma
    kStartText,       // command line, arguments, start
    kUserText,        // the user object, beside the process object
};

// Not thread-safe: one per worker.
class ProcessFields {
  public:
    // `session` is the driver's session, in hexadecimal. `processes` outlives this.
    ProcessFields(std::string_view session, ProcessTable& processes) : session_(session), processes_(&processes) {}

    // Appends the members of the process object of an event that happened at `time`: pid, entity id, and what the
    // process's start said of executable, name and parent. The object stays open.
    void append(const ProcessName& name, std::int64_t time, Lines& lines);

    // Of the process that append() was called for last: appends the member "process" of the aegis object, with a comma
    // before it; nothing where its start is not known.
    void append_path(Lines& lines) const;

    // Appends `field`, which ends with the opening quote, and the entity id; nothing where the key is not known. The id
    // is the same in everything that every agent says of one process as long as the driver is loaded, and never
    // another's.
    void append_entity_id(std::string_view field, const ProcessName& name, Lines& lines) const;

  private:
    std::string session_;
    ProcessTable* processes_;
    KnownProcess known_;
    bool is_known_ = false;
};

}  // namespace aegis::agent
