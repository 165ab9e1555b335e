#include "image/entry_points.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string_view>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/exports.hpp"
#include "driver/host/executive/memory/local_address_space.hpp"
#include "driver/host/image/image_loader.hpp"
#include "driver/host/image/raising_call.hpp"

namespace aegis::test {
namespace {

// NT passes DriverEntry no context, nor the registration of a routine.
PDRIVER_INITIALIZE g_entry = nullptr;
DRIVER_OBJECT g_driver;
const void* g_notify = nullptr;

NTSTATUS NTAPI remember_driver(PDRIVER_OBJECT driver, PUNICODE_STRING service_key) {
    const NTSTATUS status = g_entry(driver, service_key);
    g_driver = *driver;
    return status;
}

// PsSetCreateProcessNotifyRoutineEx2, which the driver looks up where the system has it.
NTSTATUS NTAPI remember_notify(ULONG type, PVOID routine, BOOLEAN remove) {
    constexpr std::string_view kName = "PsSetCreateProcessNotifyRoutineEx2";
    using SetNotifyRoutine = NTSTATUS(NTAPI*)(ULONG, PVOID, BOOLEAN);
    g_notify = routine;
    return reinterpret_cast<SetNotifyRoutine>(const_cast<void*>(host::find_export(kName)))(type, routine, remove);
}

PVOID NTAPI look_up_routine(PUNICODE_STRING name) {
    const std::u16string_view wanted(name->Buffer, name->Length / sizeof(WCHAR));
    return wanted == u"PsSetCreateProcessNotifyRoutineEx2" ? reinterpret_cast<PVOID>(&remember_notify)
                                                           : MmGetSystemRoutineAddress(name);
}

host::ExecutiveOptions quiet() {
    host::ExecutiveOptions options;
    options.debug_print = [](ULONG, std::string_view) {};
    return options;
}

// The image's entry point chooses the stack cookie and then jumps to DriverEntry: `jmp` to where a function begins.
std::uint32_t driver_entry_of(const host::DriverImage& image) {
    constexpr std::uint8_t kJump = 0xE9;
    const host::ByteReader bytes(image.bytes());
    const host::ImageFunction* start = image.functions().find(image.file().entry_rva);
    EXPECT_NE(start, nullptr);
    for (std::uint32_t at = start->begin_rva; at + 5 <= start->end_rva; ++at) {
        const std::uint32_t target = at + 5 + bytes.read<std::uint32_t>(at + 1).value_or(0);
        const host::ImageFunction* function = image.functions().find(target);
        if (bytes.read<std::uint8_t>(at) == kJump && function != nullptr && function->begin_rva == target) {
            return target;
        }
    }
    ADD_FAILURE() << "the entry point jumps to no function";
    return start->begin_rva;
}

EntryPoints look_up() {
    const auto resolver = [](std::string_view, std::string_view name) -> const void* {
        if (name == "MmGetSystemRoutineAddress") {
            return reinterpret_cast<const void*>(&look_up_routine);
        }
        return name == "__C_specific_handler" ? host::c_specific_handler() : host::find_export(name);
    };
    host::Executive executive(quiet());
    const host::DriverImageResult result = host::DriverImage::map(read_file(image_path()), resolver);
    EXPECT_TRUE(result.image) << result.error;
    g_entry = result.image->entry();
    EXPECT_EQ(executive.load_driver(&remember_driver, {}), STATUS_SUCCESS);
    EXPECT_EQ(executive.unload_driver(), host::UnloadResult::kUnloaded);

    const auto rva_of = [&](const void* address) {
        return static_cast<std::uint32_t>(static_cast<const std::byte*>(address) - result.image->bytes().data());
    };
    EntryPoints found;
    found.entry = driver_entry_of(*result.image);
    found.unload = rva_of(reinterpret_cast<const void*>(g_driver.DriverUnload));
    found.control = rva_of(reinterpret_cast<const void*>(g_driver.MajorFunction[IRP_MJ_DEVICE_CONTROL]));
    found.notify = rva_of(g_notify);
    for (const host::ImageFunction& function : result.image->functions().functions()) {
        if (function.unwind.handler_rva != 0) {
            found.guard = function.begin_rva;
        }
    }
    return found;
}

}  // namespace

const EntryPoints& entry_points() {
    static const EntryPoints found = look_up();
    return found;
}

ChangedImage::ChangedImage() : file_(read_file(image_path())), pe_(*host::parse_pe_file(file_).file) {}

std::size_t ChangedImage::offset_of(std::uint32_t rva) const {
    if (rva < pe_.header_bytes) {
        return rva;
    }
    for (const host::PeSection& section : pe_.sections) {
        if (rva - section.rva < section.file_bytes) {
            return section.file_offset + (rva - section.rva);
        }
    }
    ADD_FAILURE() << "RVA " << rva << " is in no section";
    return 0;
}

std::uint32_t ChangedImage::function_row(std::uint32_t function_rva) const {
    std::uint32_t row = pe_.exceptions.rva;
    while (get<std::uint32_t>(row) != function_rva) {
        row += sizeof(host::RuntimeFunction);
    }
    return row;
}

host::DriverImageResult ChangedImage::bind() const {
    return host::bind_driver_image(file_);
}

AEGIS_QUERY_REPLY ChangedImage::live() const {
    AEGIS_QUERY_REPLY answer{};
    host::Executive executive(quiet());
    const host::DriverImageResult result = bind();
    EXPECT_TRUE(result.image) << result.error;
    if (!result.image || !NT_SUCCESS(executive.load_driver(result.image->entry(), {}))) {
        return answer;
    }
    const host::ProcessRef client =
        executive.create_process(8, host::Account::kAdministrator, std::make_unique<host::LocalAddressSpace>());
    const host::HandleResult device = executive.open(*client, u"\\??\\AegisMon", FILE_READ_DATA | FILE_WRITE_DATA);
    AEGIS_RING_SETUP_REQUEST request{};
    request.Header = {AEGIS_CONTROL_VERSION, sizeof(request)};
    request.EventHandle = executive.create_event(*client, SynchronizationEvent, false).handle;
    AEGIS_RING_SETUP_REPLY reply{};
    executive.device_control(*client, device.handle, AEGIS_IOCTL_RING_SETUP, std::as_bytes(std::span(&request, 1)),
                             std::as_writable_bytes(std::span(&reply, 1)));
    host::ProcessCreation creation;
    creation.pid = 0x00800000;
    executive.raise_process_create(creation);
    AEGIS_QUERY_REQUEST query{};
    query.Header = {AEGIS_CONTROL_VERSION, sizeof(query)};
    executive.device_control(*client, device.handle, AEGIS_IOCTL_QUERY, std::as_bytes(std::span(&query, 1)),
                             std::as_writable_bytes(std::span(&answer, 1)));
    executive.exit_process(client);
    executive.unload_driver();
    return answer;
}

}  // namespace aegis::test
