// Writing to stdout without ever being stuck in it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>

#include "agent/port/port.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::agent {

// A pipe or terminal whose reader takes nothing would hold a blocking write for ever, and stdout's own descriptor
// must not be made non-blocking: other processes share its flags. So pipes and terminals are opened once more, for
// this process alone; where that is refused, and for sockets, small pieces are written when poll says they fit.
class StdoutWriter {
  public:
    StdoutWriter();

    // As Port::write_output. One thread at a time.
    WriteResult write(std::string_view text);

    // As Port::take_back_output. One thread at a time, never during write.
    bool take_back(std::size_t bytes);

    // As Port::abandon_output. Any thread.
    void abandon();

    // For poll, with no events asked for: an error condition means that nobody reads any more.
    int descriptor() const;

  private:
    // Waits until the reader takes something; false when abandoned.
    bool wait_for_reader() const;

    bool may_block_ = false;  // small pieces only, after poll
    bool is_file_ = false;
    // Of a file: where it ended after the last write, when that could not write all. The next one fails, most likely.
    off_t end_of_piece_ = -1;
    host::UniqueFd own_;  // non-blocking; empty: stdout itself is used
    host::UniqueFd abandoned_;
};

}  // namespace aegis::agent
