// The callbacks of drivers on handles to processes and threads: registration, calls around an operation, removal that
// waits.
#pragma once

#include <ntifs.h>

#include <condition_variable>
#include <list>
#include <mutex>
#include <string>
#include <vector>

#include "driver/host/executive/objects/object.hpp"

namespace aegis::host {

// A handle that is about to be made.
struct HandleOperation {
    OB_OPERATION operation = OB_OPERATION_HANDLE_CREATE;
    Object* object = nullptr;
    bool kernel_handle = false;
    ACCESS_MASK desired = 0;  // generic rights mapped
    // Of a duplicate: from whose handles, and into whose.
    PEPROCESS source = nullptr;
    PEPROCESS target = nullptr;
};

class ObjectCallbacks {
  public:
    // Called highest altitude first before an operation, and in reverse order behind it.
    // STATUS_FLT_INSTANCE_ALTITUDE_COLLISION when somebody has the altitude. `by_driver`: not a test's, or another
    // driver's, who look after theirs themselves.
    NTSTATUS add(const OB_CALLBACK_REGISTRATION& registration, bool by_driver, PVOID* handle);
    // Returns when no operation is between the two calls of this registration. Stops on a handle that is none, and
    // inside one of its callbacks.
    void remove(PVOID handle);

    // One line for each registration of the driver that is there.
    std::string describe_leaks() const;

  private:
    friend class InterceptedHandle;

    struct Registration {
        std::string altitude;  // as it was written
        std::vector<OB_OPERATION_REGISTRATION> operations;
        PVOID context;
        bool by_driver;
        bool removing = false;
        unsigned running = 0;  // operations that it has been told of, and whose end it has to be told
    };
    // One of them, for one operation.
    struct Call {
        Registration* registration;
        const OB_OPERATION_REGISTRATION* routines;
        PVOID context;  // CallContext
    };

    std::vector<Call> begin(const HandleOperation& operation);
    void end(const std::vector<Call>& calls);

    mutable std::mutex mutex_;  // guards everything below
    std::condition_variable changed_;
    std::list<Registration> registrations_;  // highest altitude first
};

// One operation on a handle, in the context of the thread that makes it: its callbacks run when this is made, and again
// when it is finished.
class InterceptedHandle {
  public:
    explicit InterceptedHandle(const HandleOperation& operation);
    InterceptedHandle(const InterceptedHandle&) = delete;
    InterceptedHandle& operator=(const InterceptedHandle&) = delete;
    ~InterceptedHandle();

    // What the callbacks have left of it.
    ACCESS_MASK desired() const { return desired_; }

    // How it went; once.
    void finish(NTSTATUS status, ACCESS_MASK granted);

  private:
    void call_before(ObjectCallbacks::Call& call);
    void call_after(const ObjectCallbacks::Call& call, NTSTATUS status, ACCESS_MASK granted);

    HandleOperation operation_;
    ACCESS_MASK desired_;
    std::vector<ObjectCallbacks::Call> calls_;
    bool finished_ = false;
};

}  // namespace aegis::host
