#include "driver/host/executive/security/security_descriptor.hpp"

#include <cstring>
#include <utility>

#include "driver/host/executive/objects/object.hpp"
#include "driver/host/executive/security/token.hpp"

namespace aegis::host {
namespace {

// Calls visit(type, flags, mask, sid) for each ACE of a valid ACL.
template <class Visit>
void for_each_ace(const ACL* acl, Visit visit) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(acl);
    std::size_t offset = sizeof(ACL);
    for (unsigned index = 0; index < acl->AceCount; ++index) {
        ACCESS_ALLOWED_ACE ace{};
        std::memcpy(&ace, bytes + offset, sizeof(ace));
        const void* sid = bytes + offset + FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart);
        visit(ace.Header.AceType, ace.Header.AceFlags, ace.Mask, sid);
        offset += ace.Header.AceSize;
    }
}

// Appends `bytes` and returns the offset they start at; 0 for none.
ULONG append(DescriptorBytes& descriptor, const void* data, std::size_t bytes) {
    if (data == nullptr) {
        return 0;
    }
    const auto offset = static_cast<ULONG>(descriptor.size());
    const auto* first = static_cast<const unsigned char*>(data);
    descriptor.insert(descriptor.end(), first, first + bytes);
    return offset;
}

}  // namespace

DescriptorView view_descriptor(const void* descriptor) {
    DescriptorView view;
    SECURITY_DESCRIPTOR_RELATIVE relative{};
    std::memcpy(&relative, descriptor, FIELD_OFFSET(SECURITY_DESCRIPTOR_RELATIVE, Owner));
    view.valid = relative.Revision == SECURITY_DESCRIPTOR_REVISION;
    view.control = relative.Control;
    if (!view.valid) {
        return view;
    }
    if ((relative.Control & SE_SELF_RELATIVE) != 0) {
        std::memcpy(&relative, descriptor, sizeof(relative));
        const auto* base = static_cast<const unsigned char*>(descriptor);
        const auto at = [&](ULONG offset) -> const void* { return offset == 0 ? nullptr : base + offset; };
        view.owner = at(relative.Owner);
        view.group = at(relative.Group);
        view.dacl = static_cast<const ACL*>(at(relative.Dacl));
    } else {
        const auto* absolute = static_cast<const SECURITY_DESCRIPTOR*>(descriptor);
        view.owner = absolute->Owner;
        view.group = absolute->Group;
        view.dacl = absolute->Dacl;
    }
    if ((view.control & SE_DACL_PRESENT) == 0) {
        view.dacl = nullptr;
    }
    return view;
}

bool acl_is_valid(const ACL* acl) {
    if (acl->AclRevision != ACL_REVISION || acl->AclSize < sizeof(ACL)) {
        return false;
    }
    const auto* bytes = reinterpret_cast<const unsigned char*>(acl);
    std::size_t offset = sizeof(ACL);
    for (unsigned index = 0; index < acl->AceCount; ++index) {
        ACE_HEADER header{};
        if (offset + sizeof(ACCESS_ALLOWED_ACE) > acl->AclSize) {
            return false;
        }
        std::memcpy(&header, bytes + offset, sizeof(header));
        const ULONG sid = sid_length(bytes + offset + FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart));
        const bool known = header.AceType == ACCESS_ALLOWED_ACE_TYPE || header.AceType == ACCESS_DENIED_ACE_TYPE;
        if (!known || sid == 0 || header.AceSize < FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart) + sid ||
            offset + header.AceSize > acl->AclSize) {
            return false;
        }
        offset += header.AceSize;
    }
    return true;
}

DescriptorBytes merge_descriptors(const DescriptorView& base, const DescriptorView& changes,
                                  SECURITY_INFORMATION information) {
    const DescriptorView& owner = (information & OWNER_SECURITY_INFORMATION) != 0 ? changes : base;
    const DescriptorView& group = (information & GROUP_SECURITY_INFORMATION) != 0 ? changes : base;
    const DescriptorView& dacl = (information & DACL_SECURITY_INFORMATION) != 0 ? changes : base;

    DescriptorBytes bytes(sizeof(SECURITY_DESCRIPTOR_RELATIVE));
    SECURITY_DESCRIPTOR_RELATIVE header{};
    header.Revision = SECURITY_DESCRIPTOR_REVISION;
    header.Control = SE_SELF_RELATIVE;
    header.Control |= dacl.control & (SE_DACL_PRESENT | SE_DACL_DEFAULTED | SE_DACL_PROTECTED);
    header.Owner = owner.owner == nullptr ? 0 : append(bytes, owner.owner, sid_length(owner.owner));
    header.Group = group.group == nullptr ? 0 : append(bytes, group.group, sid_length(group.group));
    header.Dacl = dacl.dacl == nullptr ? 0 : append(bytes, dacl.dacl, dacl.dacl->AclSize);
    std::memcpy(bytes.data(), &header, sizeof(header));
    return bytes;
}

NTSTATUS append_allowed_ace(PACL acl, ACCESS_MASK mask, const void* sid) {
    auto* bytes = reinterpret_cast<unsigned char*>(acl);
    std::size_t used = sizeof(ACL);
    for (unsigned index = 0; index < acl->AceCount; ++index) {
        ACE_HEADER header{};
        std::memcpy(&header, bytes + used, sizeof(header));
        used += header.AceSize;
    }
    const std::size_t size = FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart) + std::size_t{sid_length(sid)};
    if (used + size > acl->AclSize) {
        return STATUS_ALLOTTED_SPACE_EXCEEDED;
    }
    const ACE_HEADER header{ACCESS_ALLOWED_ACE_TYPE, 0, static_cast<USHORT>(size)};
    std::memcpy(bytes + used, &header, sizeof(header));
    std::memcpy(bytes + used + FIELD_OFFSET(ACCESS_ALLOWED_ACE, Mask), &mask, sizeof(mask));
    std::memcpy(bytes + used + FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart), sid, sid_length(sid));
    ++acl->AceCount;
    return STATUS_SUCCESS;
}

DescriptorBytes default_device_descriptor() {
    alignas(ACL) unsigned char storage[256];
    auto* acl = reinterpret_cast<PACL>(storage);
    *acl = {ACL_REVISION, 0, sizeof(storage), 0, 0};
    append_allowed_ace(acl, FILE_ALL_ACCESS, local_system_sid().data());
    append_allowed_ace(acl, FILE_ALL_ACCESS, administrators_sid().data());
    append_allowed_ace(acl, FILE_GENERIC_READ | FILE_GENERIC_EXECUTE, everyone_sid().data());

    DescriptorView view;
    view.valid = true;
    view.control = SE_DACL_PRESENT;
    view.owner = administrators_sid().data();
    view.group = local_system_sid().data();
    view.dacl = acl;
    return merge_descriptors(view, view, 0);
}

SecurityHolder::SecurityHolder(DescriptorBytes initial, PSECURITY_DESCRIPTOR* published) : published_(published) {
    replace(std::move(initial));
}

const DescriptorBytes& SecurityHolder::current() const {
    const std::lock_guard lock(mutex_);
    return *history_.back();
}

void SecurityHolder::replace(DescriptorBytes descriptor) {
    const std::lock_guard lock(mutex_);
    history_.push_back(std::make_unique<const DescriptorBytes>(std::move(descriptor)));
    *published_ = const_cast<unsigned char*>(history_.back()->data());
}

AccessDecision check_access(const DescriptorView& descriptor, const Token& token, const GENERIC_MAPPING& mapping,
                            ACCESS_MASK desired, ACCESS_MASK previously_granted) {
    if (desired == 0) {
        // Who asks for nothing gets what was granted before, and is refused when that is nothing.
        return {previously_granted == 0 ? STATUS_ACCESS_DENIED : STATUS_SUCCESS, previously_granted};
    }
    const bool maximum = (desired & MAXIMUM_ALLOWED) != 0;
    const ACCESS_MASK wanted = map_generic(mapping, desired & ~MAXIMUM_ALLOWED) & ~previously_granted;
    ACCESS_MASK allowed = 0;
    ACCESS_MASK denied = 0;
    if (descriptor.dacl == nullptr) {
        allowed = mapping.GenericAll | wanted;
    } else {
        for_each_ace(descriptor.dacl, [&](UCHAR type, UCHAR flags, ACCESS_MASK mask, const void* sid) {
            if ((flags & INHERIT_ONLY_ACE) == 0 && token.contains(sid)) {
                // The first ACE that speaks about a right decides it.
                ACCESS_MASK& side = type == ACCESS_ALLOWED_ACE_TYPE ? allowed : denied;
                side |= map_generic(mapping, mask) & ~(allowed | denied);
            }
        });
    }
    if ((wanted & ~allowed) != 0) {
        return {STATUS_ACCESS_DENIED, 0};
    }
    const ACCESS_MASK granted = previously_granted | (maximum ? allowed | wanted : wanted);
    if (maximum && granted == 0) {
        return {STATUS_ACCESS_DENIED, 0};
    }
    return {STATUS_SUCCESS, granted};
}

}  // namespace aegis::host
