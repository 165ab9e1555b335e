// What the image must not contain, or it could not run in a process: NT's per-processor data behind gs, the IRQL in
// CR8 (some kits' headers read it inline), and other privileged instructions.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "image/support.hpp"

namespace aegis::test {
namespace {

std::string output_of(const std::string& command) {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    EXPECT_NE(pipe, nullptr);
    std::string output;
    std::array<char, 4096> chunk;
    for (std::size_t got = 0; (got = std::fread(chunk.data(), 1, chunk.size(), pipe)) > 0;) {
        output.append(chunk.data(), got);
    }
    EXPECT_EQ(::pclose(pipe), 0) << command;
    return output;
}

// The lines of a disassembly that only a kernel could run.
std::vector<std::string> forbidden_lines(const std::string& disassembly) {
    static const std::regex kForbidden(
        "%gs:|%cr[0-9]|%dr[0-9]|\\t(rdmsr|wrmsr|swapgs|cli|sti|hlt|invlpg|lgdt|lidt|ltr|lldt|clts|invd|wbinvd|"
        "in|out|ins|outs|rdgsbase|wrgsbase|iretq?|sysretq?)\\b");
    std::vector<std::string> lines;
    std::size_t begin = 0;
    while (begin < disassembly.size()) {
        const std::size_t end = std::min(disassembly.find('\n', begin), disassembly.size());
        const std::string line = disassembly.substr(begin, end - begin);
        if (std::regex_search(line, kForbidden)) {
            lines.push_back(line);
        }
        begin = end + 1;
    }
    return lines;
}

TEST(Disassembly, OfTheImageHasNothingThatOnlyAKernelCanRun) {
    const std::string text = output_of(AEGIS_OBJDUMP " -d '" + image_path() + "'");
    EXPECT_GT(std::count(text.begin(), text.end(), '\n'), 1000) << "nothing was disassembled";
    EXPECT_THAT(forbidden_lines(text), testing::IsEmpty());
}

// The check above can fail: mov %gs:0x30,%rax; mov %cr8,%rax; rdmsr; in (%dx),%al; nop.
TEST(Disassembly, FindsWhatIsForbidden) {
    const std::string path = testing::TempDir() + "forbidden.bin";
    const unsigned char code[] = {0x65, 0x48, 0x8B, 0x04, 0x25, 0x30, 0x00, 0x00, 0x00,
                                  0x44, 0x0F, 0x20, 0xC0, 0x0F, 0x32, 0xEC, 0x90};
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(code), sizeof(code));
    const std::string text = output_of(AEGIS_OBJDUMP " -D -b binary -m i386:x86-64 '" + path + "'");
    EXPECT_EQ(forbidden_lines(text).size(), 4U) << text;
    std::remove(path.c_str());
}

}  // namespace
}  // namespace aegis::test
