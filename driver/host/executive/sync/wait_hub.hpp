// Where threads sleep until the state of a dispatcher object in driver memory changes.
//
// The object itself has no room for a host's mutex, and its memory may be gone the moment its state was changed. So the
// mutex and the condition are chosen by address from a fixed set: a waker touches nothing of the object after the
// change that lets a waiter proceed.
#pragma once

#include <condition_variable>
#include <mutex>

namespace aegis::host {

struct WaitBucket {
    std::mutex mutex;
    std::condition_variable changed;  // shared by unrelated objects: wait with a predicate, notify all
};

WaitBucket& wait_bucket(const volatile void* object);

}  // namespace aegis::host
