#include "driver/host/executive/io/file_object.hpp"

#include <utility>

#include "driver/host/executive/io/driver_load.hpp"
#include "driver/host/executive/io/irp.hpp"
#include "driver/host/executive/parts.hpp"

namespace aegis::host {
namespace {

constexpr CSHORT kIoTypeFile = 5;

}  // namespace

FileObject::FileObject(Referenced<DeviceObject> device, std::u16string name, ACCESS_MASK granted)
    : Object(file_object_type, &nt_), device_(std::move(device)), name_(std::move(name)) {
    nt_.Type = kIoTypeFile;
    nt_.Size = sizeof(FILE_OBJECT);
    nt_.DeviceObject = device_->nt();
    nt_.ReadAccess = (granted & FILE_READ_DATA) != 0 ? TRUE : FALSE;
    nt_.WriteAccess = (granted & FILE_WRITE_DATA) != 0 ? TRUE : FALSE;
    const auto bytes = static_cast<USHORT>(name_.size() * sizeof(char16_t));
    nt_.FileName = {bytes, bytes, name_.empty() ? nullptr : name_.data()};
}

std::string FileObject::describe() const {
    return "file on " + device_->describe();
}

void FileObject::last_handle_closed() {
    if (opened_) {
        Irp(*device_, this, IRP_MJ_CLEANUP, KernelMode).send();
    }
    if (FileWatch* const watch = executive_parts().file_watch) {
        watch->closed(this);
    }
}

void FileObject::destroy() {
    if (opened_) {
        Irp(*device_, this, IRP_MJ_CLOSE, KernelMode).send();
    }
    const bool unload = executive_parts().io.close(*device_);
    delete this;
    if (unload) {
        finish_unload();
    }
}

}  // namespace aegis::host
