// Objects as the object manager counts them: handles, and references by pointer.
//
// A driver knows an object by its body (FILE_OBJECT, KEVENT, …). Its references are counted apart from the executive's
// own, so that one too many taken away and one left at unload are both seen.
#pragma once

#include <ntifs.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "driver/host/executive/security/security_descriptor.hpp"

// What POBJECT_TYPE points to.
struct OBJECT_TYPE {
    const char* name;
    GENERIC_MAPPING mapping;
};

namespace aegis::host {

extern OBJECT_TYPE process_object_type;
extern OBJECT_TYPE thread_object_type;
extern OBJECT_TYPE file_object_type;
extern OBJECT_TYPE event_object_type;
extern OBJECT_TYPE device_object_type;
extern OBJECT_TYPE driver_object_type;
extern OBJECT_TYPE key_object_type;

// `desired` with its generic bits replaced by what they mean for the type.
ACCESS_MASK map_generic(const GENERIC_MAPPING& mapping, ACCESS_MASK desired);

class Object {
  public:
    Object(const OBJECT_TYPE& type, void* body);  // with one reference, the creator's
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    const OBJECT_TYPE& type() const { return type_; }
    void* body() const { return body_; }

    // The executive's references. The last one gone destroys the object, later if the thread is above PASSIVE_LEVEL.
    void reference();
    void dereference();
    // The driver's references; each also is one of the executive's.
    LONG_PTR reference_by_driver();
    LONG_PTR dereference_by_driver();
    long driver_references() const { return driver_references_.load(std::memory_order_relaxed); }

    // A handle holds a reference. Called by HandleTable.
    void add_handle();
    void drop_handle();

    // Guarded by its own lock; null for types without.
    virtual SecurityHolder* security() { return nullptr; }
    // For a stop: "event", "process 123", ….
    virtual std::string describe() const { return type_.name; }

  protected:
    virtual ~Object();
    // The last handle is being closed, in the context of the closer.
    virtual void last_handle_closed() {}
    // The last reference is gone, at PASSIVE_LEVEL.
    virtual void destroy() { delete this; }

  private:
    friend class ObjectTable;

    const OBJECT_TYPE& type_;
    void* const body_;
    std::atomic<long> references_{1};
    std::atomic<long> driver_references_{0};
    std::atomic<long> handles_{0};
};

// Every living object by its body.
class ObjectTable {
  public:
    // Null when there is no such object.
    Object* find(const void* body) const;
    // Destroys what became unreferenced above PASSIVE_LEVEL. Call at PASSIVE_LEVEL, outside the driver.
    void destroy_deferred();
    // One line for each object the driver still references.
    std::string describe_leaks() const;

  private:
    friend class Object;

    mutable std::mutex mutex_;
    std::unordered_map<const void*, Object*> objects_;
    std::vector<Object*> deferred_;
};

// A reference of the executive's, for one scope. Adopts the reference it is given.
template <class Body>
class Referenced {
  public:
    Referenced() = default;
    explicit Referenced(Body* object) : object_(object) {}
    Referenced(Referenced&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    Referenced& operator=(Referenced&& other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Referenced() {
        if (object_ != nullptr) {
            object_->dereference();
        }
    }

    Body* get() const { return object_; }
    Body* operator->() const { return object_; }
    Body& operator*() const { return *object_; }
    explicit operator bool() const { return object_ != nullptr; }

  private:
    Body* object_ = nullptr;
};

}  // namespace aegis::host
