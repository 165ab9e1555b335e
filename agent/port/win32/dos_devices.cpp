#include "agent/port/win32/dos_devices.hpp"

#include <windows.h>

#include <string>

#include "agent/client/win32/utf8.hpp"

namespace aegis::agent {
namespace {

constexpr DWORD kMostUnits = 1024;

void add_drives(std::vector<DosPrefix>& prefixes) {
    for (wchar_t letter = L'A'; letter <= L'Z'; ++letter) {
        const wchar_t drive[] = {letter, L':', L'\0'};
        wchar_t target[kMostUnits];
        // The first of possibly several strings is the present one.
        if (QueryDosDeviceW(drive, target, kMostUnits) != 0) {
            prefixes.push_back({client::to_utf8(target), client::to_utf8(drive)});
        }
    }
}

void add_system_root(std::vector<DosPrefix>& prefixes) {
    wchar_t directory[MAX_PATH];
    const UINT units = GetSystemWindowsDirectoryW(directory, MAX_PATH);
    if (units != 0 && units < MAX_PATH) {
        prefixes.push_back({R"(\SystemRoot)", client::to_utf8(directory)});
    }
}

}  // namespace

std::vector<DosPrefix> query_dos_prefixes() {
    std::vector<DosPrefix> prefixes;
    add_drives(prefixes);
    add_system_root(prefixes);
    // Network paths: \Device\Mup\server\share is \\server\share.
    prefixes.push_back({R"(\Device\Mup)", R"(\)"});
    prefixes.push_back({R"(\??\UNC)", R"(\)"});
    return prefixes;
}

}  // namespace aegis::agent
