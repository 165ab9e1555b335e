#include "driver/host/image/import_gates.hpp"

#include <sys/mman.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "driver/host/executive/exports.hpp"
#include "driver/host/image/image_exports.hpp"

// image_thread_x64.S
extern "C" void aegis_call_executive();

namespace aegis::host {
namespace {

// mov $function, %rax; mov $aegis_call_executive, %r11; jmp *%r11
struct [[gnu::packed]] Gate {
    std::array<std::uint8_t, 2> move_to_rax{0x48, 0xB8};
    std::uint64_t function = 0;
    std::array<std::uint8_t, 2> move_to_r11{0x49, 0xBB};
    std::uint64_t crossing = reinterpret_cast<std::uint64_t>(&aegis_call_executive);
    std::array<std::uint8_t, 3> jump_to_r11{0x41, 0xFF, 0xE3};
};
constexpr std::size_t kGateStride = 32;
static_assert(sizeof(Gate) <= kGateStride);

using Gates = std::map<std::string_view, const void*>;

Gates make_gates() {
    const auto exports = all_exports();
    const std::size_t bytes = exports.size() * kGateStride;
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        std::perror("no memory for import gates");
        std::abort();
    }
    Gates gates;
    auto* next = static_cast<std::byte*>(memory);
    for (const Export& entry : exports) {
        if (entry.data) {
            continue;
        }
        Gate gate;
        const void* own = image_export(entry.name);
        gate.function = reinterpret_cast<std::uint64_t>(own != nullptr ? own : entry.address);
        std::memcpy(next, &gate, sizeof(gate));
        gates.emplace(entry.name, next);
        next += kGateStride;
    }
    if (::mprotect(memory, bytes, PROT_READ | PROT_EXEC) != 0) {
        std::perror("import gates cannot be made executable");
        std::abort();
    }
    return gates;
}

}  // namespace

const void* import_gate(std::string_view name) {
    static const Gates gates = make_gates();
    const auto found = gates.find(name);
    return found != gates.end() ? found->second : nullptr;
}

}  // namespace aegis::host
