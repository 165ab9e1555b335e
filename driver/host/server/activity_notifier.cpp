#include "driver/host/server/activity_notifier.hpp"

namespace aegis::host::server {

void ActivityNotifier::process_started(const sources::ProcessStart& start) {
    ProcessCreation creation;
    creation.pid = start.pid;
    creation.parent = start.parent;
    creation.creator = start.creator;
    // No source knows the thread; on NT it never has the number of a process, of its own least of all.
    creation.creator_tid = start.creator + 4;
    if (!start.image.empty()) {
        creation.image_path = start.image;
    }
    creation.image_path_exact = start.image_exact;
    creation.timestamp = start.time;
    // A driver may refuse a creation; here the process runs already.
    executive_.raise_process_create(creation);
}

void ActivityNotifier::process_ended(std::uint32_t pid, sources::NtTime time) {
    const ClientProcessRef client = clients_.find(pid);
    if (!client || client->has_ended()) {
        executive_.raise_process_exit(pid, time);
        clients_.end_reported(pid);
    }
}

}  // namespace aegis::host::server
