#include "driver/host/executive/processes/image_activity.hpp"

#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/io/driver_call.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/borrowed_string.hpp"
#include "driver/host/executive/processes/image_routines.hpp"
#include "driver/host/executive/processes/notification.hpp"
#include "driver/host/executive/system_time.hpp"

namespace aegis::host {
namespace {

// In IMAGE_INFO.Reserved, as newer headers of Windows have them.
constexpr unsigned kMachineTypeMismatch = 0;
constexpr unsigned kSignatureLevel = 1;  // four bits
constexpr unsigned kSignatureType = 5;   // three bits
constexpr unsigned kPartialMap = 8;
// Bits without a meaning are not always zero.
constexpr unsigned kWithoutMeaning = 9;

// What NT hands to the routines, unreadable in meaning after the call. Without a file object the bytes around the
// IMAGE_INFO are no IMAGE_INFO_EX's: who reads them all the same meets an address that is none.
class BorrowedInfo {
  public:
    explicit BorrowedInfo(const ImageLoad& load)
        : file_name_(load.file_name),
          info_(std::make_unique<IMAGE_INFO_EX>()),
          file_(load.file_name ? std::make_unique<FILE_OBJECT>() : nullptr) {
        std::memset(static_cast<void*>(info_.get()), kPoolAllocatedPoison, sizeof(*info_));
        IMAGE_INFO& image = info_->ImageInfo;
        image = {};
        image.ImageAddressingMode = IMAGE_ADDRESSING_MODE_32BIT;
        image.SystemModeImage = load.kernel ? 1 : 0;
        image.Reserved = (load.machine_mismatch ? 1U : 0U) << kMachineTypeMismatch |
                         (load.signature_level & 0xFU) << kSignatureLevel |
                         (load.signature_type & 0x7U) << kSignatureType | (load.partial ? 1U : 0U) << kPartialMap |
                         1U << kWithoutMeaning;
        image.ImageBase = reinterpret_cast<PVOID>(load.base);
        image.ImageSize = load.size;
        if (file_) {
            image.ExtendedInfoPresent = 1;
            file_->FileName = *file_name_.get();
            info_->Size = sizeof(*info_);
            info_->FileObject = file_.get();
        }
    }
    ~BorrowedInfo() {
        if (file_) {
            std::memset(static_cast<void*>(file_.get()), kPoolFreedPoison, sizeof(*file_));
        }
        std::memset(static_cast<void*>(info_.get()), kPoolFreedPoison, sizeof(*info_));
    }
    BorrowedInfo(const BorrowedInfo&) = delete;
    BorrowedInfo& operator=(const BorrowedInfo&) = delete;

    PIMAGE_INFO get() const { return &info_->ImageInfo; }

  private:
    BorrowedString file_name_;
    std::unique_ptr<IMAGE_INFO_EX> info_;
    std::unique_ptr<FILE_OBJECT> file_;
};

}  // namespace

void notify_image_load(Process& loader, const ImageLoad& load) {
    const ReplayedTime time(load.timestamp);
    const ThreadInProcess in_loader(loader, KernelMode);
    const AsThreadNumber as_loader(load.loader_tid);
    const CriticalRegion region;
    const BorrowedString path(load.path);
    const BorrowedInfo info(load);
    executive_parts().image_notify.call_all(
        [&](int kind) {
            return !load.machine_mismatch || static_cast<ImageNotifyKind>(kind) == ImageNotifyKind::kEveryArchitecture;
        },
        [&](PVOID routine, int) {
            const DriverCall call("an image notify routine");
            call.run(reinterpret_cast<PLOAD_IMAGE_NOTIFY_ROUTINE>(routine), path.get(), to_nt(load.pid), info.get());
        });
}

}  // namespace aegis::host
