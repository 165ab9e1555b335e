// What a policy says of handles: which rights make one worth an event, and which processes are protected.
#pragma once

#include <cstddef>
#include <cstdint>

#include "aegis/event.h"
#include "aegis/policy.h"
#include "nt/nt.hpp"

namespace aegis::driver {

// The two sections of a blob.
struct HandleSections {
    const AEGIS_POLICY_HANDLES* masks;
    std::uint32_t mask_count;
    const AEGIS_POLICY_PROCESS* processes;
    std::uint32_t process_count;
};

// The NTSTATUS of policy.h. Any IRQL at which the blob may be touched.
inline NTSTATUS check_handle_sections(const HandleSections& sections) {
    for (std::uint32_t i = 0; i < sections.mask_count; ++i) {
        const AEGIS_POLICY_HANDLES& mask = sections.masks[i];
        if (mask.Access == 0 || mask.Reserved[0] != 0 || mask.Reserved[1] != 0 || mask.Reserved[2] != 0) {
            return STATUS_INVALID_PARAMETER;
        }
        if (mask.ObjectType != AEGIS_HANDLE_PROCESS && mask.ObjectType != AEGIS_HANDLE_THREAD) {
            return STATUS_INVALID_VARIANT;
        }
    }
    for (std::uint32_t i = 0; i < sections.process_count; ++i) {
        const AEGIS_POLICY_PROCESS& process = sections.processes[i];
        if (process.ProcessId == 0 || process.ProcessKey == 0 || process.Reserved != 0) {
            return STATUS_INVALID_PARAMETER;
        }
        for (std::uint32_t j = 0; j < i; ++j) {
            const AEGIS_POLICY_PROCESS& other = sections.processes[j];
            if (other.ProcessId == process.ProcessId && other.ProcessKey == process.ProcessKey) {
                return STATUS_OBJECT_NAME_COLLISION;
            }
        }
    }
    return STATUS_SUCCESS;
}

class HandleRules {
  public:
    // From checked sections. Before anybody else sees it.
    void build(const HandleSections& sections) {
        for (std::uint32_t i = 0; i < sections.mask_count; ++i) {
            masks_[sections.masks[i].ObjectType] |= sections.masks[i].Access;
        }
        process_count_ = sections.process_count;
        for (std::uint32_t i = 0; i < process_count_; ++i) {
            processes_[i] = sections.processes[i];
        }
    }

    // 0: it says nothing of this type of object (AEGIS_HANDLE_PROCESS, AEGIS_HANDLE_THREAD). Any IRQL, as all of these.
    std::uint32_t mask(std::uint8_t object_type) const { return masks_[object_type]; }

    bool protects_somebody() const { return process_count_ != 0; }

    bool protects(std::uint32_t process_id, std::uint64_t key) const {
        for (std::uint32_t i = 0; i < process_count_; ++i) {
            if (processes_[i].ProcessId == process_id && processes_[i].ProcessKey == key) {
                return true;
            }
        }
        return false;
    }

  private:
    static constexpr std::size_t kObjectTypes = AEGIS_HANDLE_THREAD + 1;

    std::uint32_t masks_[kObjectTypes] = {};
    std::uint32_t process_count_ = 0;
    AEGIS_POLICY_PROCESS processes_[AEGIS_POLICY_PROTECTED_MAX] = {};
};

}  // namespace aegis::driver
