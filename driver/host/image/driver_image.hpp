// A Windows driver image inside this Linux process: AegisMon.sys as it ships, bound to the hosted executive.
//
// The image's code runs natively; nothing is emulated. It works because NT's calling convention is one that gcc and
// clang can speak (ms_abi), because the structures it shares with the executive are laid out as on Windows, and
// because the image uses neither gs (NT's per-processor data) nor CR8 (the IRQL): tests/image holds it to that.
#pragma once

#include <ntifs.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "driver/host/image/function_table.hpp"
#include "driver/host/image/pe_file.hpp"

namespace aegis::host {

// What an import is bound to: the address of a function, or of a variable; null when `module` exports no such name.
using ImportResolver = std::function<const void*(std::string_view module, std::string_view name)>;

struct DriverImageResult;

class DriverImage {
  public:
    // Maps `file`, moves it to where it landed, binds its imports and protects its sections. Static data are as in the
    // file: NT maps a driver anew for each load, and so does a caller of this. One image exists at a time. Refuses an
    // image through which NT could not unwind.
    static DriverImageResult map(std::span<const std::byte> file, const ImportResolver& resolver);
    ~DriverImage();
    DriverImage(const DriverImage&) = delete;
    DriverImage& operator=(const DriverImage&) = delete;

    PDRIVER_INITIALIZE entry() const { return reinterpret_cast<PDRIVER_INITIALIZE>(base_ + file_.entry_rva); }
    std::span<const std::byte> bytes() const { return {base_, file_.image_bytes}; }
    const PeFile& file() const { return file_; }
    const FunctionTable& functions() const { return functions_; }

    // The image that `address` lies in; null when it lies in none. Any thread.
    static const DriverImage* containing(const void* address);
    // Whether it lies in code of it. Any thread.
    static bool is_code(const void* address);

  private:
    DriverImage(std::byte* base, PeFile file);

    std::byte* base_;
    PeFile file_;
    FunctionTable functions_;
};

struct DriverImageResult {
    std::unique_ptr<DriverImage> image;
    std::string error;  // why there is none
};

}  // namespace aegis::host
