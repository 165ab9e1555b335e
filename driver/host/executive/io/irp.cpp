#include "driver/host/executive/io/irp.hpp"

#include <fmt/format.h>
#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstring>

#include "driver/host/executive/io/device_object.hpp"
#include "driver/host/executive/io/driver_call.hpp"
#include "driver/host/executive/io/driver_object.hpp"
#include "driver/host/executive/io/file_object.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

constexpr CSHORT kIoTypeIrp = 6;
// What IoStatus holds until the driver sets it.
constexpr NTSTATUS kStatusNeverSet = static_cast<NTSTATUS>(0xC0DEDEAD);
constexpr ULONG_PTR kInformationNeverSet = 0xA5A5A5A5A5A5A5A5U;

}  // namespace

Irp::Irp(DeviceObject& device, FileObject* file, UCHAR major_function, KPROCESSOR_MODE requestor_mode)
    : device_(device), major_function_(major_function), block_(std::make_unique<Block>()) {
    IRP& irp = block_->irp;
    irp.Type = kIoTypeIrp;
    irp.Size = sizeof(Block);
    irp.StackCount = 1;
    irp.CurrentLocation = 1;
    irp.RequestorMode = requestor_mode;
    irp.IoStatus.Status = kStatusNeverSet;
    irp.IoStatus.Information = kInformationNeverSet;
    irp.Tail.Overlay.Thread = this_thread().thread_object();
    irp.Tail.Overlay.CurrentStackLocation = &block_->stack;
    irp.Tail.Overlay.OriginalFileObject = file != nullptr ? file->nt() : nullptr;
    block_->stack.MajorFunction = major_function;
    block_->stack.DeviceObject = device.nt();
    block_->stack.FileObject = irp.Tail.Overlay.OriginalFileObject;
    executive_parts().irps.add(*this);
}

Irp::~Irp() {
    executive_parts().irps.remove(*this);
    ASAN_UNPOISON_MEMORY_REGION(block_.get(), sizeof(Block));
    ASAN_UNPOISON_MEMORY_REGION(system_buffer_.data(), system_buffer_.size());
}

IRP& Irp::nt() {
    return block_->irp;
}

IO_STACK_LOCATION& Irp::stack() {
    return block_->stack;
}

void Irp::set_buffered(std::span<const std::byte> input, std::span<std::byte> output) {
    // Exactly so many bytes on the heap, for a sanitizer to see one more.
    system_buffer_ = std::vector<std::byte>(std::max(input.size(), output.size()),
                                            std::byte{executive_parts().poison.system_buffer});
    std::copy(input.begin(), input.end(), system_buffer_.begin());
    output_ = output;
    block_->irp.AssociatedIrp.SystemBuffer = system_buffer_.empty() ? nullptr : system_buffer_.data();
}

std::string Irp::describe() const {
    return fmt::format("IRP with major function {:#04x} for {}", major_function_, device_.describe());
}

IoResult Irp::send() {
    NTSTATUS status = STATUS_SUCCESS;
    {
        const DriverCall call("a dispatch routine");
        status = call.run(device_.nt()->DriverObject->MajorFunction[major_function_], device_.nt(), &block_->irp);
    }
    return executive_parts().irps.wait(*this, status);
}

void Irp::complete() {
    const IO_STATUS_BLOCK& io = block_->irp.IoStatus;
    if (io.Status == kStatusNeverSet || io.Status == STATUS_PENDING) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("{} completed without a final status", describe()));
    }
    if (io.Information == kInformationNeverSet) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("{} completed without IoStatus.Information", describe()));
    }
    const bool is_control =
        major_function_ == IRP_MJ_DEVICE_CONTROL || major_function_ == IRP_MJ_INTERNAL_DEVICE_CONTROL;
    const bool replies = is_control && !NT_ERROR(io.Status);
    if (replies && io.Information > output_.size()) {
        verifier_stop(
            Bugcheck::kDriverVerifierDetectedViolation,
            fmt::format("{} completed with {} bytes for an output of {}", describe(), io.Information, output_.size()));
    }
    if (replies) {
        std::copy_n(system_buffer_.begin(), io.Information, output_.begin());
    }
    result_ = {io.Status, NT_ERROR(io.Status) ? 0 : io.Information};
    marked_pending_ = (block_->stack.Control & SL_PENDING_RETURNED) != 0;
    completed_ = true;

    std::memset(static_cast<void*>(block_.get()), kPoolFreedPoison, sizeof(Block));
    std::fill(system_buffer_.begin(), system_buffer_.end(), std::byte{kPoolFreedPoison});
    ASAN_POISON_MEMORY_REGION(block_.get(), sizeof(Block));
    ASAN_POISON_MEMORY_REGION(system_buffer_.data(), system_buffer_.size());
}

void IrpTable::add(Irp& irp) {
    const std::lock_guard lock(mutex_);
    irps_.emplace(&irp.nt(), &irp);
}

void IrpTable::remove(Irp& irp) {
    const std::lock_guard lock(mutex_);
    irps_.erase(&irp.nt());
}

void IrpTable::complete(PIRP irp) {
    const std::lock_guard lock(mutex_);
    const auto found = irps_.find(irp);
    if (found == irps_.end()) {
        verifier_stop(Bugcheck::kMultipleIrpCompleteRequests,
                      fmt::format("IRP {} completed, which is finished or never was one", fmt::ptr(irp)));
    }
    if (found->second->completed_) {
        verifier_stop(Bugcheck::kMultipleIrpCompleteRequests,
                      fmt::format("{} completed twice", found->second->describe()));
    }
    found->second->complete();
    completed_.notify_all();
}

IoResult IrpTable::wait(Irp& irp, NTSTATUS status) {
    std::unique_lock lock(mutex_);
    const bool marked = irp.completed_ ? irp.marked_pending_ : (irp.stack().Control & SL_PENDING_RETURNED) != 0;
    if ((status == STATUS_PENDING) != marked) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("{}: the dispatch routine returned {:#010x}, but the IRP {} marked pending",
                                  irp.describe(), static_cast<ULONG>(status), marked ? "is" : "is not"));
    }
    if (status != STATUS_PENDING && !irp.completed_) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("{}: the dispatch routine returned {:#010x} without completing it", irp.describe(),
                                  static_cast<ULONG>(status)));
    }
    completed_.wait(lock, [&] { return irp.completed_; });
    if (status != STATUS_PENDING && status != irp.result_.status) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("{}: the dispatch routine returned {:#010x}, but completed it with {:#010x}",
                                  irp.describe(), static_cast<ULONG>(status), static_cast<ULONG>(irp.result_.status)));
    }
    return irp.result_;
}

}  // namespace aegis::host

extern "C" void NTAPI IofCompleteRequest(PIRP Irp, CCHAR) {
    aegis::host::require_irql(DISPATCH_LEVEL, "IofCompleteRequest");
    aegis::host::executive_parts().irps.complete(Irp);
}
