// Events that clients have handles to: a KEVENT for the driver, and a descriptor for the client to wait on.
#pragma once

#include <ntifs.h>

#include "driver/host/executive/objects/object.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host {

// The state lives in the channel between two connected stream sockets: bytes in it mean signalled. A reader that takes
// them resets the event.
//
// Why sockets: signalling happens in the driver's publish path and must not block whatever the client does.
// An eventfd and its flags are shared with the client, which can fill it and clear O_NONBLOCK. The two ends of a pipe
// have flags of their own but one lock, which a reader holds while it copies: a client that reads into memory whose
// page faults it handles itself (userfaultfd, FUSE) stops the writer for as long as it likes. A socket's sender takes
// no lock that its receiver holds while copying, and MSG_DONTWAIT belongs to the call, not to a flag.
//
// Where this is not NT: signals that no waiter has taken yet are one signal. On NT each of them releases another waiter
// of an auto-reset event at once, as long as there are any; here who takes a signal may take those behind it too.
class EventObject final : public Object {
  public:
    // Null when no descriptor is left.
    static EventObject* create(EVENT_TYPE type, bool signalled);

    KEVENT* event() { return &event_; }
    bool auto_reset() const { return event_.Header.Type == SynchronizationEvent; }
    // What the client waits on and reads.
    int client_descriptor() const { return client_end_.get(); }

    // Never block. set() returns whether the event was signalled before.
    bool set();
    bool signalled() const;
    // These two take from the channel as the client does, and so wait for a client that is in the middle of a read.
    // reset() returns whether the event was signalled before; wait() takes the signal of an auto-reset event, leaves
    // that of a manual-reset one, and is false on timeout (milliseconds, negative: none).
    bool reset();
    bool wait(int timeout);

  private:
    EventObject(EVENT_TYPE type, UniqueFd host_end, UniqueFd client_end);

    KEVENT event_;
    UniqueFd host_end_;
    // Kept open here too: the channel outlives a client that closes its descriptor.
    UniqueFd client_end_;
};

// The object of a KEVENT that belongs to a client; null for one that a driver initialized in its own memory.
EventObject* event_object_of(const KEVENT* event);

}  // namespace aegis::host
