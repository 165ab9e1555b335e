// The fixture of every test here: one executive, and processes that play clients of the test driver.
#pragma once

#include <gtest/gtest.h>
#include <ntifs.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/memory/local_address_space.hpp"
#include "host/support/test_driver.hpp"

namespace aegis::test {

inline constexpr ULONG kTag = 0x74736554;
inline constexpr ACCESS_MASK kReadWrite = FILE_READ_DATA | FILE_WRITE_DATA;
inline constexpr ULONG kEcho = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS);

class ExecutiveTest : public testing::Test {
  protected:
    ExecutiveTest();
    // Unloads a driver that is still loaded.
    ~ExecutiveTest() override;

    host::Executive& executive() { return *executive_; }
    host::ProcessRef client(std::uint32_t pid, host::Account account = host::Account::kAdministrator);
    NTSTATUS load(const host::ServiceOptions& service = {});
    host::ProcessHandle open(const host::ProcessRef& process, ACCESS_MASK access = kReadWrite);
    // Loads the driver, opens its device in a new process and sends it kEcho with these hooks.
    host::IoResult control(std::size_t output_bytes = 0);
    // Runs `action` in DriverEntry, the one place where a driver may call nearly everything.
    void in_driver(const std::function<void()>& action);
    std::vector<std::string> take_debug_lines();

  private:
    std::mutex mutex_;  // protects debug_lines_
    std::vector<std::string> debug_lines_;
    std::unique_ptr<host::Executive> executive_;
};

// A whole-page block with its MDL, built.
struct MappablePages {
    explicit MappablePages(SIZE_T bytes);
    void release();

    PVOID block;
    PMDL mdl;
};

// `statement` ends the process with a stop of this name whose detail matches the regular expression.
#define AEGIS_EXPECT_STOP(statement, name, detail) EXPECT_DEATH(statement, "\\*\\*\\* STOP: " name " \\(.*" detail)

}  // namespace aegis::test
