// [handles] and allow-images of a policy file, to the bytes of the blob and to what is wrong with them.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "aegis/policy.h"
#include "agent/config/policy_file.hpp"

namespace aegis {
namespace {

template <class Entry>
std::vector<Entry> entries(const std::vector<std::byte>& blob, unsigned section) {
    AEGIS_POLICY_HEADER header;
    std::memcpy(&header, blob.data(), sizeof(header));
    std::vector<Entry> all(header.Sections[section].Count);
    if (!all.empty()) {
        std::memcpy(all.data(), blob.data() + header.Sections[section].Offset, all.size() * sizeof(Entry));
    }
    return all;
}

std::string first_error(const std::string& toml) {
    const agent::PolicyFile file = agent::compile_policy(toml);
    return file.errors.empty() ? "" : std::to_string(file.errors[0].line) + ": " + file.errors[0].message;
}

// Catches: a mask of the other object; a key cut to what a double keeps; sections in another order than the header
// says.
TEST(HandlePolicy, IsCompiledIntoItsSections) {
    const agent::PolicyFile file = agent::compile_policy(
        "allow-images = ['/usr/bin/gdb', '/opt/tools/**']\n"
        "exclude-images = ['/x']\n"
        "[events.handle]\ndefault = 'drop'\nlimit = 7\n"
        "[handles]\n"
        "process-access = ['terminate', 'vm-write', 'write-dac']\n"
        "thread-access = ['all-access']\n"
        "protect = [{pid = 812, key = '18446744073709551615'}, {pid = 4, key = 281474976710702}]\n");
    ASSERT_TRUE(file.errors.empty()) << file.errors[0].message;
    EXPECT_TRUE(file.warnings.empty());
    const auto masks = entries<AEGIS_POLICY_HANDLES>(file.blob, AEGIS_POLICY_HANDLE_MASKS);
    ASSERT_EQ(masks.size(), 2U);
    EXPECT_EQ(masks[0].ObjectType, AEGIS_HANDLE_PROCESS);
    EXPECT_EQ(masks[0].Access, 0x40021U);
    EXPECT_EQ(masks[1].ObjectType, AEGIS_HANDLE_THREAD);
    EXPECT_EQ(masks[1].Access, 0x1FFFFFU);
    const auto processes = entries<AEGIS_POLICY_PROCESS>(file.blob, AEGIS_POLICY_PROTECTED);
    ASSERT_EQ(processes.size(), 2U);
    EXPECT_EQ(processes[0].ProcessId, 812U);
    EXPECT_EQ(processes[0].ProcessKey, UINT64_MAX);
    EXPECT_EQ(processes[1].ProcessId, 4U);
    EXPECT_EQ(processes[1].ProcessKey, 281474976710702U);
    const auto images = entries<AEGIS_POLICY_RULE>(file.blob, AEGIS_POLICY_IMAGES);
    ASSERT_EQ(images.size(), 3U);
    EXPECT_EQ(images[0].Action, AEGIS_POLICY_DROP);
    EXPECT_EQ(images[1].Action, AEGIS_POLICY_ALLOW);
    EXPECT_EQ(images[2].Action, AEGIS_POLICY_ALLOW);
    EXPECT_EQ(images[2].TextUnits, 10U);
    AEGIS_POLICY_HEADER header;
    std::memcpy(&header, file.blob.data(), sizeof(header));
    EXPECT_EQ(header.Bytes, file.blob.size());
    const AEGIS_POLICY_TYPE& type = header.Types[AEGIS_EVENT_HANDLE_OP];
    EXPECT_EQ(type.Operations, 3U);
    EXPECT_EQ(type.Default, AEGIS_POLICY_DROP);
    EXPECT_EQ(type.TokensPerSecond, 7U);
}

TEST(HandlePolicy, WithoutItTheSectionsAreEmpty) {
    const agent::PolicyFile file = agent::compile_policy("[events.handle]\ndefault = 'off'\n");
    ASSERT_TRUE(file.errors.empty());
    EXPECT_TRUE(entries<AEGIS_POLICY_HANDLES>(file.blob, AEGIS_POLICY_HANDLE_MASKS).empty());
    EXPECT_TRUE(entries<AEGIS_POLICY_PROCESS>(file.blob, AEGIS_POLICY_PROTECTED).empty());
}

// Catches: a fault that is passed on to the driver, or that does not say where it is and what would be right.
TEST(HandlePolicy, EveryFaultNamesItsPlaceAndItsRemedy) {
    const auto expect = [](const std::string& toml, const std::string& message) {
        EXPECT_EQ(first_error(toml).substr(0, message.size()), message) << toml << ": " << first_error(toml);
    };
    expect("handles = 1\n", "1: 'handles' wants a table: [handles]");
    expect("[handles]\nfoo = 1\n", "2: 'foo' is no key of handles: process-access, thread-access and protect are");
    expect("[handles]\nprocess-access = []\n", "2: 'process-access' wants a list of rights");
    expect("[handles]\nprocess-access = 'terminate'\n", "2: 'process-access' wants a list of rights");
    expect("[handles]\nprocess-access = ['terminate', 'set-context']\n",
           "2: 'set-context' is no right of a process: all-access, terminate, ");
    expect("[handles]\nthread-access = [1]\n", "2: 'this' is no right of a thread: all-access, terminate, ");
    expect("[handles]\nprotect = 812\n", "2: 'protect' wants a list of processes");
    for (const char* const entry :
         {"812", "{pid = 812}", "{pid = 0, key = 1}", "{pid = 1, key = 0}", "{pid = 1, key = 'x1'}",
          "{pid = 4294967296, key = 1}", "{pid = 1, key = -1}", "{pid = 1, key = 1, x = 1}"}) {
        expect(std::string("[handles]\nprotect = [").append(entry).append("]\n"),
               "2: a process is named by its pid and its key");
    }
    expect("[handles]\nprotect = [{pid = 1, key = 2}, {pid = 1, key = 2}]\n", "2: process 1 is protected already");
    std::string many = "[handles]\nprotect = [";
    for (unsigned i = 1; i <= AEGIS_POLICY_PROTECTED_MAX + 1; ++i) {
        many.append("{pid = 1, key = ").append(std::to_string(i)).append("}, ");
    }
    expect(many.append("]\n"), "2: 65 entries; the driver takes 64");
    expect("allow-images = '/a'\n", "1: 'allow-images' wants a list of paths");
    expect("allow-images = ['/a']\nexclude-images = ['/A']\n", "1: the same as in line 2");
}

}  // namespace
}  // namespace aegis
