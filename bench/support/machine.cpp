#include "support/machine.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <string>
#include <thread>

namespace aegis::bench {
namespace {

// The value of the first line that starts with `key`, behind its colon.
std::string cpu_info(const std::string& key) {
    std::ifstream file("/proc/cpuinfo");
    std::string line;
    while (std::getline(file, line)) {
        if (line.rfind(key, 0) == 0) {
            const std::size_t colon = line.find(": ");
            return colon == std::string::npos ? "" : line.substr(colon + 2);
        }
    }
    return "unknown";
}

std::string cache_sizes() {
    std::string sizes;
    for (int index = 0; index < 5; ++index) {
        const std::string folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", index);
        std::string level;
        std::string type;
        std::string size;
        std::ifstream(folder + "level") >> level;
        std::ifstream(folder + "type") >> type;
        std::ifstream(folder + "size") >> size;
        if (!size.empty() && type != "Instruction") {
            sizes.append(fmt::format("{}L{} {}", sizes.empty() ? "" : ", ", level, size));
        }
    }
    return sizes;
}

}  // namespace

void describe_machine(Cores cores, Results* results) {
    utsname system{};
    uname(&system);
    const std::time_t time = std::time(nullptr);
    const bool virtual_machine = cpu_info("flags").find("hypervisor") != std::string::npos;

    results->set_machine("processor", cpu_info("model name"));
    results->set_machine("cores", fmt::format("{} visible, measured on {} and {}", std::thread::hardware_concurrency(),
                                              cores.first, cores.second));
    results->set_machine("caches", cache_sizes());
    results->set_machine("virtual machine", virtual_machine ? "yes" : "no");
    results->set_machine("memory",
                         fmt::format("{} GiB", sysconf(_SC_PHYS_PAGES) / ((1L << 30) / sysconf(_SC_PAGE_SIZE))));
    results->set_machine("system", fmt::format("{} {}", system.sysname, system.release));
    results->set_machine("compiler", fmt::format("{} ({})", __VERSION__, AEGIS_BENCH_FLAGS));
    results->set_machine("date", fmt::format("{:%Y-%m-%d}", fmt::gmtime(time)));
}

}  // namespace aegis::bench
