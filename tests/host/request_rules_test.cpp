// The rules between a dispatch routine and the I/O manager: each broken once.
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

class RequestRules : public ExecutiveTest {
  protected:
    void answer_with(std::function<NTSTATUS(PIRP)> hook) {
        driver_hooks().control = [hook = std::move(hook)](PDEVICE_OBJECT, PIRP irp) { return hook(irp); };
    }
};

TEST_F(RequestRules, StopsOnACompletionTwice) {
    answer_with([](PIRP irp) {
        complete(irp, STATUS_SUCCESS);
        IoCompleteRequest(irp, IO_NO_INCREMENT);
        return STATUS_SUCCESS;
    });
    AEGIS_EXPECT_STOP(control(), "MULTIPLE_IRP_COMPLETE_REQUESTS", "0x0e for device .*Test completed twice");
}

TEST_F(RequestRules, StopsOnACompletionOfAFinishedRequest) {
    PIRP kept = nullptr;
    answer_with([&](PIRP irp) {
        kept = irp;
        return complete(irp, STATUS_SUCCESS);
    });
    AEGIS_EXPECT_STOP(
        {
            control();
            IoCompleteRequest(kept, IO_NO_INCREMENT);
        },
        "MULTIPLE_IRP_COMPLETE_REQUESTS", "finished or never was one");
}

TEST_F(RequestRules, StopsOnNoCompletion) {
    answer_with([](PIRP) { return STATUS_SUCCESS; });
    AEGIS_EXPECT_STOP(control(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "without completing it");
}

TEST_F(RequestRules, StopsOnAnotherStatusThanTheCompletions) {
    answer_with([](PIRP irp) {
        complete(irp, STATUS_SUCCESS);
        return STATUS_INVALID_PARAMETER;
    });
    AEGIS_EXPECT_STOP(control(), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "returned 0xc000000d, but completed it with 0x00000000");
}

TEST_F(RequestRules, StopsOnPendingWithoutTheMark) {
    answer_with([](PIRP) { return STATUS_PENDING; });
    AEGIS_EXPECT_STOP(control(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "the IRP is not marked pending");
}

TEST_F(RequestRules, StopsOnTheMarkWithoutPending) {
    answer_with([](PIRP irp) {
        IoMarkIrpPending(irp);
        return complete(irp, STATUS_SUCCESS);
    });
    AEGIS_EXPECT_STOP(control(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "the IRP is marked pending");
}

TEST_F(RequestRules, StopsOnMoreInformationThanOutput) {
    answer_with([](PIRP irp) { return complete(irp, STATUS_SUCCESS, 5); });
    AEGIS_EXPECT_STOP(control(4), "DRIVER_VERIFIER_DETECTED_VIOLATION", "5 bytes for an output of 4");
}

TEST_F(RequestRules, StopsOnAStatusNeverSet) {
    answer_with([](PIRP irp) {
        irp->IoStatus.Information = 0;
        IoCompleteRequest(irp, IO_NO_INCREMENT);
        return STATUS_SUCCESS;
    });
    AEGIS_EXPECT_STOP(control(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "without a final status");
}

TEST_F(RequestRules, StopsOnInformationNeverSet) {
    answer_with([](PIRP irp) {
        irp->IoStatus.Status = STATUS_INVALID_PARAMETER;
        IoCompleteRequest(irp, IO_NO_INCREMENT);
        return STATUS_INVALID_PARAMETER;
    });
    AEGIS_EXPECT_STOP(control(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "without IoStatus.Information");
}

// AddressSanitizer stops the read itself; without it the driver reads a poison that no status has.
// Catches: a request that stays readable after its completion.
TEST_F(RequestRules, ACompletedRequestIsGone) {
    NTSTATUS read_back = STATUS_SUCCESS;
    answer_with([&](PIRP irp) {
        complete(irp, STATUS_SUCCESS);
        read_back = irp->IoStatus.Status;
        return STATUS_SUCCESS;
    });
    EXPECT_DEATH(
        {
            control();
            if (static_cast<ULONG>(read_back) == 0xDDDDDDDD) {
                std::fputs("poisoned", stderr);
                std::abort();
            }
        },
        "poisoned|AddressSanitizer");
}

TEST_F(RequestRules, StopsWhenTheDriverReturnsAtAnotherIrql) {
    // A driver can only get there by releasing a lock to the wrong level.
    answer_with([](PIRP irp) {
        KSPIN_LOCK lock = 0;
        KeAcquireSpinLockRaiseToDpc(&lock);
        KeReleaseSpinLock(&lock, APC_LEVEL);
        return complete(irp, STATUS_SUCCESS);
    });
    AEGIS_EXPECT_STOP(control(), "IRQL_NOT_LESS_OR_EQUAL", "called at IRQL 0 and returned at 1");
}

}  // namespace
}  // namespace aegis::test
