#include "driver/support/kernel_view.hpp"

#include <gtest/gtest.h>

namespace aegis::test {
namespace {

// A kernel handle to the client's device.
class DeviceHandle {
  public:
    DeviceHandle(Client& client, ACCESS_MASK access) : scope_(client.process(), KernelMode) {
        const FileObjectRef file(client);
        EXPECT_EQ(ObOpenObjectByPointer(file->DeviceObject, OBJ_KERNEL_HANDLE, nullptr, access, nullptr, KernelMode,
                                        &handle_),
                  STATUS_SUCCESS);
    }
    ~DeviceHandle() { ZwClose(handle_); }
    DeviceHandle(const DeviceHandle&) = delete;
    DeviceHandle& operator=(const DeviceHandle&) = delete;

    HANDLE get() const { return handle_; }

  private:
    host::ProcessScope scope_;
    HANDLE handle_ = nullptr;
};

}  // namespace

FileObjectRef::FileObjectRef(Client& client) {
    const host::ProcessScope scope(client.process(), KernelMode);
    void* object = nullptr;
    EXPECT_EQ(ObReferenceObjectByHandle(reinterpret_cast<HANDLE>(client.device()), 0, *IoFileObjectType, UserMode,
                                        &object, nullptr),
              STATUS_SUCCESS);
    file_ = static_cast<PFILE_OBJECT>(object);
}

FileObjectRef::~FileObjectRef() {
    ObDereferenceObject(file_);
}

AEGIS_RING_HEADER* ring_in_the_kernel(TestHost& host, std::uint32_t cell_count) {
    for (const host::PoolBlock& block : host->pool_blocks()) {
        if (block.bytes == ring::region_bytes(cell_count)) {
            return static_cast<AEGIS_RING_HEADER*>(block.address);
        }
    }
    return nullptr;
}

std::vector<std::byte> read_device_security(Client& client) {
    const DeviceHandle device(client, READ_CONTROL);
    constexpr SECURITY_INFORMATION kWanted =
        DACL_SECURITY_INFORMATION | OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION;
    std::vector<std::byte> descriptor(1024);
    ULONG bytes = 0;
    EXPECT_EQ(
        ZwQuerySecurityObject(device.get(), kWanted, descriptor.data(), static_cast<ULONG>(descriptor.size()), &bytes),
        STATUS_SUCCESS);
    descriptor.resize(bytes);
    return descriptor;
}

void open_device_to_everyone(Client& client) {
    const DeviceHandle device(client, WRITE_DAC);
    SID everyone{1, 1, {SECURITY_WORLD_SID_AUTHORITY}, {SECURITY_WORLD_RID}};
    alignas(ACL) UCHAR storage[64];
    auto* acl = reinterpret_cast<PACL>(storage);
    SECURITY_DESCRIPTOR descriptor;
    EXPECT_EQ(RtlCreateAcl(acl, sizeof(storage), ACL_REVISION), STATUS_SUCCESS);
    EXPECT_EQ(RtlAddAccessAllowedAce(acl, ACL_REVISION, FILE_ALL_ACCESS, &everyone), STATUS_SUCCESS);
    EXPECT_EQ(RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION), STATUS_SUCCESS);
    EXPECT_EQ(RtlSetDaclSecurityDescriptor(&descriptor, TRUE, acl, FALSE), STATUS_SUCCESS);
    EXPECT_EQ(ZwSetSecurityObject(device.get(), DACL_SECURITY_INFORMATION, &descriptor), STATUS_SUCCESS);
}

}  // namespace aegis::test
