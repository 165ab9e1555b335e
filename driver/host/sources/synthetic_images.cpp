#include "driver/host/sources/synthetic_images.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace aegis::host::sources {
namespace {

constexpr std::uint64_t kMostLibraries = 8;
constexpr std::uint64_t kImagesBegin = 0x7F00'0000'0000;
constexpr std::uint64_t kImagePageBytes = 4096;
constexpr std::uint64_t kMostPages = 1024;
constexpr std::size_t kTooLongForAnEvent = 600;

constexpr std::array<std::u16string_view, 8> kLibraries = {
    u"ld-linux-x86-64.so.2", u"libc.so.6",      u"libm.so.6",      u"libpthread.so.0",
    u"libstdc++.so.6",       u"libz.so.1.2.13", u"libcrypto.so.3", u"libgrün.so.1",
};

}  // namespace

std::u16string SyntheticImages::library() {
    std::u16string path = u"/usr/lib";
    if (once_in(256)) {
        path.append(u"/").append(kTooLongForAnEvent, u'l');
    }
    return path.append(u"/x86_64-linux-gnu/").append(kLibraries[below(kLibraries.size())]);
}

SyntheticImage SyntheticImages::make(std::uint32_t pid, std::u16string path) {
    SyntheticImage image;
    image.pid = pid;
    image.path = std::move(path);
    image.exact = !once_in(128);
    image.base = kImagesBegin + below(kMostPages * kMostPages) * kImagePageBytes;
    image.size = (1 + below(kMostPages)) * kImagePageBytes;
    return image;
}

std::vector<SyntheticImage> SyntheticImages::after(const SyntheticEvent& start) {
    std::vector<SyntheticImage> images = {make(start.pid, start.image)};
    for (std::uint64_t more = below(kMostLibraries + 1); more > 0; --more) {
        images.push_back(make(start.pid, library()));
    }
    return images;
}

}  // namespace aegis::host::sources
