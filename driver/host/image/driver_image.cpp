#include "driver/host/image/driver_image.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "driver/host/executive/io/driver_call.hpp"
#include "driver/host/image/image_thread.hpp"
#include "driver/host/image/imports.hpp"
#include "driver/host/image/relocations.hpp"

namespace aegis::host {
namespace {

// Released by the thread that mapped the image, acquired by containing() on whatever thread its code runs.
std::atomic<const DriverImage*> g_image = nullptr;

int protection_of(const PeSection& section) {
    const bool executable = (section.characteristics & kSectionExecutable) != 0;
    const bool writable = (section.characteristics & kSectionWritable) != 0;
    return PROT_READ | (executable ? PROT_EXEC : 0) | (writable ? PROT_WRITE : 0);
}

std::string protect(std::byte* base, const PeFile& file) {
    if (::mprotect(base, file.header_bytes, PROT_READ) != 0) {
        return "cannot protect the headers";
    }
    for (const PeSection& section : file.sections) {
        const int protection = protection_of(section);
        if ((protection & PROT_EXEC) != 0 && (protection & PROT_WRITE) != 0) {
            return fmt::format("section {} is writable and executable", section.name);
        }
        if (::mprotect(base + section.rva, section.virtual_bytes, protection) != 0) {
            return fmt::format("cannot protect section {}", section.name);
        }
    }
    return {};
}

}  // namespace

DriverImage::DriverImage(std::byte* base, PeFile file) : base_(base), file_(std::move(file)) {}

DriverImage::~DriverImage() {
    const DriverImage* self = this;
    g_image.compare_exchange_strong(self, nullptr, std::memory_order_acq_rel);
    ::munmap(base_, file_.image_bytes);
}

const DriverImage* DriverImage::containing(const void* address) {
    const DriverImage* image = g_image.load(std::memory_order_acquire);
    if (image == nullptr) {
        return nullptr;
    }
    const auto offset = reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(image->base_);
    return offset < image->file_.image_bytes ? image : nullptr;
}

bool DriverImage::is_code(const void* address) {
    const DriverImage* image = containing(address);
    if (image == nullptr) {
        return false;
    }
    const auto offset = reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(image->base_);
    const auto& sections = image->file_.sections;
    return std::any_of(sections.begin(), sections.end(), [&](const PeSection& section) {
        return (section.characteristics & kSectionExecutable) != 0 && offset >= section.rva &&
               offset - section.rva < section.virtual_bytes;
    });
}

DriverImageResult DriverImage::map(std::span<const std::byte> file, const ImportResolver& resolver) {
    PeParseResult parsed = parse_pe_file(file);
    if (!parsed.file) {
        return {nullptr, std::move(parsed.error)};
    }
    void* mapped =
        ::mmap(nullptr, parsed.file->image_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
        return {nullptr, "no address space for the image"};
    }
    auto* base = static_cast<std::byte*>(mapped);
    std::unique_ptr<DriverImage> image(new DriverImage(base, std::move(*parsed.file)));
    const PeFile& pe = image->file_;

    std::memcpy(base, file.data(), pe.header_bytes);
    for (const PeSection& section : pe.sections) {
        std::memcpy(base + section.rva, file.data() + section.file_offset, section.file_bytes);
    }
    const std::span<std::byte> bytes(base, pe.image_bytes);
    const std::uint64_t delta = reinterpret_cast<std::uintptr_t>(base) - pe.preferred_base;
    std::string error = apply_relocations(bytes, pe.relocations, delta);
    if (error.empty()) {
        error = bind_imports(bytes, pe.imports, resolver);
    }
    if (error.empty()) {
        FunctionTableResult functions = FunctionTable::read(bytes, pe.exceptions);
        error = std::move(functions.error);
        image->functions_ = std::move(functions.table).value_or(FunctionTable{});
    }
    if (error.empty()) {
        error = protect(base, pe);
    }
    set_image_runner(&run_image_code, &DriverImage::is_code);
    const DriverImage* none = nullptr;
    if (error.empty() && !g_image.compare_exchange_strong(none, image.get(), std::memory_order_acq_rel)) {
        error = "another driver image is mapped";
    }
    if (!error.empty()) {
        return {nullptr, std::move(error)};
    }
    return {std::move(image), {}};
}

}  // namespace aegis::host
