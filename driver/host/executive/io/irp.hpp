// One I/O request, from its dispatch to its completion.
#pragma once

#include <ntifs.h>

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "driver/host/executive/executive.hpp"

namespace aegis::host {

class DeviceObject;
class FileObject;

class Irp {
  public:
    // `file` may be null: a driver's request can be without.
    Irp(DeviceObject& device, FileObject* file, UCHAR major_function, KPROCESSOR_MODE requestor_mode);
    ~Irp();
    Irp(const Irp&) = delete;
    Irp& operator=(const Irp&) = delete;

    IRP& nt();
    IO_STACK_LOCATION& stack();
    // Gives the request a system buffer of exactly max(input, output) bytes; what the input does not fill is poisoned.
    // On completion with a success or a warning, `Information` bytes of it go to `output`.
    void set_buffered(std::span<const std::byte> input, std::span<std::byte> output);

    // Calls the driver and waits for the completion. Stops when the driver breaks a rule of the two. Once.
    // `information` is what the driver set, but for failures 0.
    IoResult send();

  private:
    friend class IrpTable;
    struct Block {
        IRP irp;
        IO_STACK_LOCATION stack;
    };

    // The request is the I/O manager's again: takes the results, and makes the driver's view of it unusable.
    void complete();
    std::string describe() const;

    DeviceObject& device_;
    const UCHAR major_function_;
    const std::unique_ptr<Block> block_;
    std::vector<std::byte> system_buffer_;
    std::span<std::byte> output_;
    // Guarded by IrpTable.
    bool completed_ = false;
    bool marked_pending_ = false;
    IoResult result_;
};

// Requests that exist now.
class IrpTable {
  public:
    void add(Irp& irp);
    void remove(Irp& irp);
    // IofCompleteRequest. Stops on a request that is complete or unknown.
    void complete(PIRP irp);
    // The dispatch routine returned `status`. Stops when it does not fit what became of the request.
    IoResult wait(Irp& irp, NTSTATUS status);

  private:
    std::mutex mutex_;
    std::condition_variable completed_;
    std::unordered_map<PIRP, Irp*> irps_;
};

}  // namespace aegis::host
