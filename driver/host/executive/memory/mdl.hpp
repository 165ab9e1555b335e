// MDLs and the mappings made through them.
#pragma once

#include <ntifs.h>

#include <list>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "driver/host/executive/executive.hpp"

namespace aegis::host {

class MdlTable {
  public:
    PMDL allocate(PVOID address, ULONG bytes);
    // Stops on an unknown MDL and on one that is still mapped.
    void free(PMDL mdl);
    // Stops unless the MDL describes part of one nonpaged block.
    void build(PMDL mdl);

    // Maps into the process whose addresses the calling thread sees. Null where NT raises. Stops on an MDL that was
    // not built, on pages that hold other blocks as well, and on whatever is not whole pages.
    PVOID map_user(PMDL mdl, ULONG priority);
    // Stops unless exactly this mapping exists in the process whose addresses the calling thread sees.
    void unmap_user(PVOID address, PMDL mdl);

    // Stops when part of the block is mapped into a process.
    void forbid_mapped(const void* block, std::size_t bytes) const;
    // Ends the address space of a process. Stops when a mapping is left in it.
    void tear_down(Process& process);

    std::vector<UserMapping> mappings(const Process& process) const;
    // One line for each MDL and each mapping that is left.
    std::string describe_leaks() const;

  private:
    struct Mapping {
        PMDL mdl;
        Process* process;
        UserMapping range;
    };

    void require_known(PMDL mdl, const char* function) const;
    std::string describe(const Mapping& mapping) const;

    mutable std::mutex mutex_;    // also serializes every use of every AddressSpace
    std::map<PMDL, bool> built_;  // every allocated MDL; true once built
    std::list<Mapping> mappings_;
};

}  // namespace aegis::host
