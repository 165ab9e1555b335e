#include "host/support/executive_test.hpp"

namespace aegis::test {

ExecutiveTest::ExecutiveTest() {
    // Threads of other tests may be around when a death test forks.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    driver_hooks() = {};
    executive_ = std::make_unique<host::Executive>(host::ExecutiveOptions{[this](ULONG, std::string_view line) {
        const std::lock_guard lock(mutex_);
        debug_lines_.emplace_back(line);
    }});
}

ExecutiveTest::~ExecutiveTest() {
    if (executive_->driver_loaded()) {
        EXPECT_EQ(executive_->unload_driver(), host::UnloadResult::kUnloaded);
    }
    executive_.reset();
    driver_hooks() = {};
}

host::ProcessRef ExecutiveTest::client(std::uint32_t pid, host::Account account) {
    return executive_->create_process(pid, account, std::make_unique<host::LocalAddressSpace>());
}

NTSTATUS ExecutiveTest::load(const host::ServiceOptions& service) {
    return executive_->load_driver(&test_driver_entry, service);
}

host::ProcessHandle ExecutiveTest::open(const host::ProcessRef& process, ACCESS_MASK access) {
    const host::HandleResult result = executive_->open(*process, u"\\??\\Test", access);
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    return result.handle;
}

host::IoResult ExecutiveTest::control(std::size_t output_bytes) {
    EXPECT_EQ(load(), STATUS_SUCCESS);
    const host::ProcessRef process = client(100);
    std::vector<std::byte> output(output_bytes);
    const host::IoResult result = executive_->device_control(*process, open(process), kEcho, {}, output);
    executive_->exit_process(process);
    return result;
}

void ExecutiveTest::in_driver(const std::function<void()>& action) {
    driver_hooks().entry = [&](PDRIVER_OBJECT driver, PUNICODE_STRING) {
        action();
        return create_test_device(driver);
    };
    EXPECT_EQ(load(), STATUS_SUCCESS);
    EXPECT_EQ(executive_->unload_driver(), host::UnloadResult::kUnloaded);
    driver_hooks().entry = nullptr;
}

std::vector<std::string> ExecutiveTest::take_debug_lines() {
    const std::lock_guard lock(mutex_);
    return std::exchange(debug_lines_, {});
}

MappablePages::MappablePages(SIZE_T bytes)
    : block(ExAllocatePoolWithTag(NonPagedPoolNx, bytes, kTag)),
      mdl(IoAllocateMdl(block, static_cast<ULONG>(bytes), FALSE, FALSE, nullptr)) {
    MmBuildMdlForNonPagedPool(mdl);
}

void MappablePages::release() {
    IoFreeMdl(mdl);
    ExFreePoolWithTag(block, kTag);
}

}  // namespace aegis::test
