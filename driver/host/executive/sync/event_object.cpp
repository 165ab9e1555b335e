#include "driver/host/executive/sync/event_object.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <utility>

#include "driver/host/executive/parts.hpp"

namespace aegis::host {
namespace {

// In DISPATCHER_HEADER.DpcActive, which has no meaning for events: this KEVENT is part of an EventObject.
constexpr UCHAR kHasDescriptor = 0xE5;

}  // namespace

EventObject* EventObject::create(EVENT_TYPE type, bool signalled) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return nullptr;
    }
    auto* event = new EventObject(type, UniqueFd(ends[0]), UniqueFd(ends[1]));
    if (signalled) {
        event->set();
    }
    return event;
}

EventObject::EventObject(EVENT_TYPE type, UniqueFd host_end, UniqueFd client_end)
    : Object(event_object_type, &event_), host_end_(std::move(host_end)), client_end_(std::move(client_end)) {
    KeInitializeEvent(&event_, type, FALSE);
    event_.Header.DpcActive = kHasDescriptor;
}

bool EventObject::set() {
    const bool before = signalled();
    // A full channel is a signalled event; a channel that the client shut down is the client's own loss.
    const char token = 1;
    ::send(host_end_.get(), &token, sizeof(token), MSG_DONTWAIT | MSG_NOSIGNAL);
    return before;
}

bool EventObject::reset() {
    const bool before = signalled();
    std::array<char, 256> tokens;
    while (::recv(client_end_.get(), tokens.data(), tokens.size(), MSG_DONTWAIT) > 0) {
    }
    return before;
}

bool EventObject::signalled() const {
    pollfd entry{client_end_.get(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

bool EventObject::wait(int timeout) {
    pollfd entry{client_end_.get(), POLLIN, 0};
    std::array<char, 256> tokens;
    while (::poll(&entry, 1, timeout) == 1) {
        // Someone else may have taken the signal in between.
        if (!auto_reset() || ::recv(client_end_.get(), tokens.data(), tokens.size(), MSG_DONTWAIT) > 0) {
            return true;
        }
        if ((entry.revents & (POLLHUP | POLLERR)) != 0) {
            return false;
        }
    }
    return false;
}

EventObject* event_object_of(const KEVENT* event) {
    if (event->Header.DpcActive != kHasDescriptor) {
        return nullptr;
    }
    Object* object = executive_parts().objects.find(event);
    return object != nullptr && &object->type() == &event_object_type ? static_cast<EventObject*>(object) : nullptr;
}

}  // namespace aegis::host
