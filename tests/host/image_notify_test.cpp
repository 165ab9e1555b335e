// Image notify routines: who is told of what, how, and what of it is lent.
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "driver/host/executive/processes/image_routines.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

constexpr std::int64_t kTime = 0x01DC000012345678;
constexpr std::uint32_t kPid = 0x00800010;
constexpr std::uint32_t kTid = 0x00800014;
constexpr std::uint32_t kLoader = 0x00800020;

std::uint32_t number(HANDLE id) {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(id));
}

std::u16string text_of(const UNICODE_STRING& string) {
    return {reinterpret_cast<const char16_t*>(string.Buffer), string.Length / sizeof(WCHAR)};
}

// What the routines below do; set while they are not registered.
std::function<void(PUNICODE_STRING, HANDLE, PIMAGE_INFO)>& hook() {
    static std::function<void(PUNICODE_STRING, HANDLE, PIMAGE_INFO)> called;
    return called;
}

std::vector<std::string>& heard() {
    static std::vector<std::string> all;
    return all;
}

void NTAPI routine(PUNICODE_STRING name, HANDLE pid, PIMAGE_INFO info) {
    hook()(name, pid, info);
}
void NTAPI plain_routine(PUNICODE_STRING, HANDLE, PIMAGE_INFO) {
    heard().emplace_back("plain");
}
void NTAPI every_routine(PUNICODE_STRING, HANDLE, PIMAGE_INFO) {
    heard().emplace_back("every");
}

class ImageNotify : public ExecutiveTest {
  protected:
    void TearDown() override {
        if (registered_) {
            remove();
        }
        hook() = nullptr;
        heard().clear();
    }

    void watch(std::function<void(PUNICODE_STRING, HANDLE, PIMAGE_INFO)> called) {
        hook() = std::move(called);
        ASSERT_EQ(PsSetLoadImageNotifyRoutine(&routine), STATUS_SUCCESS);
        registered_ = true;
    }
    void remove() {
        EXPECT_EQ(PsRemoveLoadImageNotifyRoutine(&routine), STATUS_SUCCESS);
        registered_ = false;
    }

    static host::ImageLoad image() {
        host::ImageLoad load;
        load.pid = kPid;
        load.loader = kLoader;
        load.loader_tid = kTid;
        load.path = u"\\Device\\x.dll";
        load.base = 0x7FF912340000;
        load.size = 0x2000;
        load.timestamp = kTime;
        return load;
    }
    void load() { executive().raise_image_load(image()); }

  private:
    bool registered_ = false;
};

// Catches: the routine called in another context than the loader's, at another IRQL, outside a critical region, or
// with other numbers.
TEST_F(ImageNotify, ALoadIsToldOnTheThreadThatMapsIt) {
    int calls = 0;
    watch([&](PUNICODE_STRING name, HANDLE pid, PIMAGE_INFO info) {
        ++calls;
        EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
        EXPECT_EQ(host::this_thread().critical_regions, 1U);
        EXPECT_EQ(number(pid), kPid);
        EXPECT_EQ(number(PsGetCurrentProcessId()), kLoader);
        EXPECT_EQ(number(PsGetCurrentThreadId()), kTid);
        EXPECT_EQ(text_of(*name), u"\\Device\\x.dll");
        EXPECT_EQ(info->ImageBase, reinterpret_cast<PVOID>(0x7FF912340000));
        EXPECT_EQ(info->ImageSize, 0x2000U);
        EXPECT_EQ(info->ImageAddressingMode, IMAGE_ADDRESSING_MODE_32BIT);
        EXPECT_EQ(info->SystemModeImage, 0U);
        EXPECT_EQ(info->ExtendedInfoPresent, 0U);
    });
    load();
    EXPECT_EQ(calls, 1);
    EXPECT_NE(number(PsGetCurrentThreadId()), kTid);
}

TEST_F(ImageNotify, ADriverIsLoadedIntoNoProcess) {
    watch([](PUNICODE_STRING name, HANDLE pid, PIMAGE_INFO info) {
        EXPECT_EQ(name, nullptr);
        EXPECT_EQ(pid, nullptr);
        EXPECT_EQ(info->SystemModeImage, 1U);
    });
    host::ImageLoad driver = image();
    driver.pid = 0;
    driver.path.reset();
    driver.kernel = true;
    executive().raise_image_load(driver);
}

// Catches: bits elsewhere than newer headers of Windows have them; a file object without the flag that says so.
TEST_F(ImageNotify, TheRestIsWhereNewerHeadersHaveIt) {
    watch([](PUNICODE_STRING, HANDLE, PIMAGE_INFO info) {
        EXPECT_EQ(info->Properties & 0xFF800U, 1U << 11 | 0xAU << 12 | 0x5U << 16 | 1U << 19);
        ASSERT_EQ(info->ExtendedInfoPresent, 1U);
        const auto* const extended = CONTAINING_RECORD(info, IMAGE_INFO_EX, ImageInfo);
        EXPECT_EQ(extended->Size, sizeof(IMAGE_INFO_EX));
        EXPECT_EQ(text_of(extended->FileObject->FileName), u"\\x.dll");
    });
    EXPECT_EQ(PsRemoveLoadImageNotifyRoutine(&routine), STATUS_SUCCESS);
    EXPECT_EQ(PsSetLoadImageNotifyRoutineEx(&routine, PS_IMAGE_NOTIFY_CONFLICTING_ARCHITECTURE), STATUS_SUCCESS);
    host::ImageLoad all = image();
    all.file_name = u"\\x.dll";
    all.machine_mismatch = true;
    all.signature_level = 0xA;
    all.signature_type = 0x5;
    all.partial = true;
    executive().raise_image_load(all);
}

// Catches: a kind that is told of what it did not ask for.
TEST_F(ImageNotify, EachKindIsToldWhatItAskedFor) {
    ASSERT_EQ(PsSetLoadImageNotifyRoutineEx(&plain_routine, 0), STATUS_SUCCESS);
    ASSERT_EQ(PsSetLoadImageNotifyRoutineEx(&every_routine, PS_IMAGE_NOTIFY_CONFLICTING_ARCHITECTURE), STATUS_SUCCESS);
    EXPECT_EQ(PsSetLoadImageNotifyRoutineEx(&routine, 2), STATUS_INVALID_PARAMETER_2);
    load();
    EXPECT_EQ(heard(), (std::vector<std::string>{"plain", "every"}));
    heard().clear();
    host::ImageLoad foreign = image();
    foreign.machine_mismatch = true;
    executive().raise_image_load(foreign);
    EXPECT_EQ(heard(), std::vector<std::string>{"every"});
    EXPECT_EQ(PsRemoveLoadImageNotifyRoutine(&plain_routine), STATUS_SUCCESS);
    EXPECT_EQ(PsRemoveLoadImageNotifyRoutine(&every_routine), STATUS_SUCCESS);
}

// NT takes it, and tells every image twice.
TEST_F(ImageNotify, StopsOnASecondRegistration) {
    watch([](PUNICODE_STRING, HANDLE, PIMAGE_INFO) {});
    AEGIS_EXPECT_STOP(PsSetLoadImageNotifyRoutine(&routine), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "image notify routine .* registered twice");
}

TEST_F(ImageNotify, StopsOnASecondRemoval) {
    EXPECT_EQ(PsRemoveLoadImageNotifyRoutine(&routine), STATUS_PROCEDURE_NOT_FOUND);
    watch([](PUNICODE_STRING, HANDLE, PIMAGE_INFO) {});
    remove();
    AEGIS_EXPECT_STOP(PsRemoveLoadImageNotifyRoutine(&routine), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "image notify routine .* removed twice");
}

TEST_F(ImageNotify, StopsOnARemovalFromInside) {
    watch([](PUNICODE_STRING, HANDLE, PIMAGE_INFO) { PsRemoveLoadImageNotifyRoutine(&routine); });
    AEGIS_EXPECT_STOP(load(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "image notify routine .* removes itself");
}

TEST_F(ImageNotify, StopsWhenOneIsLeftAtUnload) {
    AEGIS_EXPECT_STOP(
        {
            in_driver([] { PsSetLoadImageNotifyRoutine(&routine); });
            executive().unload_driver();
        },
        "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS", "image notify routine .* registered");
}

TEST_F(ImageNotify, StopsWhenARoutineReturnsAtAnotherIrql) {
    watch([](PUNICODE_STRING, HANDLE, PIMAGE_INFO) { host::change_irql(APC_LEVEL); });
    AEGIS_EXPECT_STOP(load(), "IRQL_NOT_LESS_OR_EQUAL", "an image notify routine was called at IRQL 0");
}

TEST_F(ImageNotify, SlotsRunOut) {
    std::vector<PLOAD_IMAGE_NOTIFY_ROUTINE> taken;
    NTSTATUS status = STATUS_SUCCESS;
    for (std::uintptr_t address = 0x10000; status == STATUS_SUCCESS && taken.size() < 100; address += 16) {
        taken.push_back(reinterpret_cast<PLOAD_IMAGE_NOTIFY_ROUTINE>(address));
        status = PsSetLoadImageNotifyRoutine(taken.back());
    }
    EXPECT_EQ(status, STATUS_INSUFFICIENT_RESOURCES);
    taken.pop_back();
    EXPECT_EQ(taken.size(), 64U);
    for (const PLOAD_IMAGE_NOTIFY_ROUTINE each : taken) {
        EXPECT_EQ(PsRemoveLoadImageNotifyRoutine(each), STATUS_SUCCESS);
    }
}

// Catches: a removal that returns while a call is running; a call that begins after it.
TEST_F(ImageNotify, ARemovalWaitsForCallsInFlight) {
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> inside{0};
        std::atomic<bool> removed{false};
        std::atomic<bool> stop{false};
        std::atomic<int> calls{0};
        watch([&](PUNICODE_STRING, HANDLE, PIMAGE_INFO) {
            EXPECT_FALSE(removed.load());
            ++inside;
            ++calls;
            std::this_thread::yield();
            --inside;
        });
        std::vector<std::thread> sources;
        for (int i = 0; i < 3; ++i) {
            sources.emplace_back([&] {
                while (!stop.load()) {
                    load();
                }
            });
        }
        while (calls.load() < 30) {
            std::this_thread::yield();
        }
        remove();
        EXPECT_EQ(inside.load(), 0);
        removed = true;
        stop = true;
        for (std::thread& source : sources) {
            source.join();
        }
    }
}

}  // namespace
}  // namespace aegis::test
