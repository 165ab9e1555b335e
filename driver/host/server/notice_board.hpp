// The connections of one client process, as those see them who have something to tell it unasked.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "driver/host/client/protocol.hpp"

namespace aegis::host::server {

// Any thread; never blocks on the client.
class NoticeBoard {
  public:
    // Both descriptors stay open until remove(). Keyed by `socket`.
    void add(int socket, int notices);
    // How many connections remain.
    std::size_t remove(int socket);

    // Tells the process by one of its connections. One that does not take it, because its client
    // stopped reading, is shut down, and the next is tried. With no connection nobody needs to know.
    void post_unmap(std::uint64_t mapping_id);
    // Tells every connection.
    void post_goodbye();
    // Ends every connection: its thread sees the end of its requests.
    void hang_up();

  private:
    struct Line {
        int socket = -1;
        int notices = -1;
    };
    static bool send(const Line& line, const protocol::Notice& notice);

    std::mutex mutex_;  // guards lines_
    std::vector<Line> lines_;
};

}  // namespace aegis::host::server
