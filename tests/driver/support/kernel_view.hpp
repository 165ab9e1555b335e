// What another driver could see of this one, and do to it: objects behind handles, the device's security descriptor,
// its memory.
#pragma once

#include <ntifs.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "driver/support/client.hpp"

namespace aegis::test {

// The file object behind a client's device handle, referenced as long as this exists.
class FileObjectRef {
  public:
    explicit FileObjectRef(Client& client);
    ~FileObjectRef();
    FileObjectRef(const FileObjectRef&) = delete;
    FileObjectRef& operator=(const FileObjectRef&) = delete;

    const FILE_OBJECT& operator*() const { return *file_; }
    const FILE_OBJECT* operator->() const { return file_; }

  private:
    PFILE_OBJECT file_ = nullptr;
};

// The ring as the driver has it: what other kernel code could write. Null when no ring of so many cells is there.
AEGIS_RING_HEADER* ring_in_the_kernel(TestHost& host, std::uint32_t cell_count);

// The DACL, owner and group of the device that the client has open, self-relative, as NT hands them out.
std::vector<std::byte> read_device_security(Client& client);

// Replaces the device's DACL by one that grants everyone everything.
void open_device_to_everyone(Client& client);

}  // namespace aegis::test
