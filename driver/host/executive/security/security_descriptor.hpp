// Security descriptors as objects keep them, and the access check over them.
#pragma once

#include <ntifs.h>

#include <memory>
#include <mutex>
#include <vector>

namespace aegis::host {

struct Token;

// A descriptor in self-relative form: one block of bytes.
using DescriptorBytes = std::vector<unsigned char>;

// What a driver passes, in either form, looked at field by field. Pointers lead into the descriptor.
struct DescriptorView {
    bool valid = false;
    SECURITY_DESCRIPTOR_CONTROL control = 0;
    const void* owner = nullptr;
    const void* group = nullptr;
    const ACL* dacl = nullptr;  // null with SE_DACL_PRESENT: everything is allowed
};
DescriptorView view_descriptor(const void* descriptor);

// Header, ACEs inside the ACL, SIDs inside the ACEs.
bool acl_is_valid(const ACL* acl);

// STATUS_ALLOTTED_SPACE_EXCEEDED when the valid `acl` has no room for one more ACE.
NTSTATUS append_allowed_ace(PACL acl, ACCESS_MASK mask, const void* sid);

// `base` with the parts that `information` names replaced by those of `changes`.
DescriptorBytes merge_descriptors(const DescriptorView& base, const DescriptorView& changes,
                                  SECURITY_INFORMATION information);

// What a device gets that names none: full access for the system and Administrators, read and execute for everyone.
DescriptorBytes default_device_descriptor();

// The descriptor of one object. A descriptor once current stays readable until the object is destroyed, because a
// driver may read DEVICE_OBJECT.SecurityDescriptor at any time.
class SecurityHolder {
  public:
    // `published` follows the current descriptor.
    SecurityHolder(DescriptorBytes initial, PSECURITY_DESCRIPTOR* published);

    // The current descriptor, valid as long as this holder.
    const DescriptorBytes& current() const;
    void replace(DescriptorBytes descriptor);

  private:
    PSECURITY_DESCRIPTOR* const published_;
    mutable std::mutex mutex_;
    std::vector<std::unique_ptr<const DescriptorBytes>> history_;  // current last
};

struct AccessDecision {
    NTSTATUS status;      // STATUS_SUCCESS or STATUS_ACCESS_DENIED
    ACCESS_MASK granted;  // 0 when denied
};
// Walks the DACL in order, for user mode. `desired` may have generic bits and MAXIMUM_ALLOWED; 0 is denied unless
// something was granted before.
AccessDecision check_access(const DescriptorView& descriptor, const Token& token, const GENERIC_MAPPING& mapping,
                            ACCESS_MASK desired, ACCESS_MASK previously_granted);

}  // namespace aegis::host
