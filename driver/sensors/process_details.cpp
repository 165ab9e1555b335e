#include "sensors/process_details.hpp"

#include <cstddef>

#include "aegis/event.h"
#include "nt/process_id.hpp"
#include "nt/system_routine.hpp"
#include "sensors/process_key.hpp"
#include "sensors/process_token.hpp"

namespace aegis::driver {
namespace {

// mingw-w64 does not declare it.
using GetProcessExitStatus = NTSTATUS(NTAPI*)(PEPROCESS process);

// Written before any callback is registered; null where this system has it not.
GetProcessExitStatus g_get_exit_status = nullptr;

// What both events tell. IRQL PASSIVE_LEVEL.
void describe(PEPROCESS process, std::uint32_t process_id, AEGIS_PROCESS_DETAILS_PAYLOAD* told) {
    RtlZeroMemory(told, AEGIS_DETAILS_PAYLOAD_FIXED);
    told->ProcessId = process_id;
    const ProcessKey key = process_key(process);
    told->ProcessKey = key.value;
    told->Flags = key.is_time ? AEGIS_DETAILS_KEY_IS_TIME : 0;
    told->CreationTime = PsGetProcessCreateTimeQuadPart(process);
    add_token(process, told);
}

// The process's parent, as it says, and the process whose thread creates it. IRQL PASSIVE_LEVEL.
void add_origin(const PS_CREATE_NOTIFY_INFO& info, AEGIS_PROCESS_DETAILS_PAYLOAD* told) {
    const ProcessKey creator = process_key(info.CreatingThreadId.UniqueProcess);
    const bool same = info.ParentProcessId == info.CreatingThreadId.UniqueProcess;
    const ProcessKey parent = same ? creator : process_key(info.ParentProcessId);
    told->CreatorKey = creator.value;
    told->ParentKey = parent.value;
    told->Flags |= (creator.is_time ? AEGIS_DETAILS_CREATOR_KEY_IS_TIME : 0) |
                   (parent.is_time ? AEGIS_DETAILS_PARENT_KEY_IS_TIME : 0);
    told->CreatingThreadId = process_id_number(info.CreatingThreadId.UniqueThread);
}

// What NT says before the process has ended is no status. Any IRQL.
void add_exit_status(PEPROCESS process, AEGIS_PROCESS_DETAILS_PAYLOAD* told) {
    if (g_get_exit_status == nullptr) {
        return;
    }
    const NTSTATUS status = g_get_exit_status(process);
    if (status != STATUS_PENDING) {
        told->ExitStatus = status;
        told->Flags |= AEGIS_DETAILS_EXIT_STATUS_VALID;
    }
}

void publish(const SensorContext& context, const AEGIS_PROCESS_DETAILS_PAYLOAD& told, std::int64_t time) {
    const std::size_t bytes = AEGIS_DETAILS_PAYLOAD_FIXED + told.SidLength + told.CommandLineLength * sizeof(WCHAR);
    context.channel->publish(AEGIS_EVENT_PROCESS_DETAILS, time, &told, bytes);
}

// Units of the command line that fit behind the SID of a part.
std::size_t room_in_part(const AEGIS_PROCESS_DETAILS_PAYLOAD& told) {
    return AEGIS_DETAILS_TEXT_REPORTED - told.SidLength / sizeof(WCHAR);
}

std::uint8_t parts_of(std::size_t units, std::size_t room_in_first) {
    if (units <= room_in_first) {
        return 1;
    }
    const std::size_t others = (units - room_in_first + AEGIS_DETAILS_TEXT_REPORTED - 1) / AEGIS_DETAILS_TEXT_REPORTED;
    return static_cast<std::uint8_t>(others < AEGIS_DETAILS_PARTS_MAX ? others + 1 : AEGIS_DETAILS_PARTS_MAX);
}

// IRQL PASSIVE_LEVEL.
void publish_parts(const SensorContext& context, const UNICODE_STRING& command_line,
                   AEGIS_PROCESS_DETAILS_PAYLOAD* told, std::int64_t time) {
    const std::size_t units = command_line.Buffer != nullptr ? command_line.Length / sizeof(WCHAR) : 0;
    told->Flags |= AEGIS_DETAILS_COMMAND_LINE_VALID;
    told->CommandLineFullLength = static_cast<std::uint16_t>(units);
    told->Parts = parts_of(units, room_in_part(*told));
    std::size_t done = 0;
    for (std::uint8_t part = 0; part < told->Parts; ++part) {
        const std::size_t room = room_in_part(*told);
        const std::size_t piece = units - done < room ? units - done : room;
        told->Part = part;
        told->CommandLineOffset = static_cast<std::uint16_t>(done);
        told->CommandLineLength = static_cast<std::uint16_t>(piece);
        if (piece != 0) {
            RtlCopyMemory(told->Text + told->SidLength / sizeof(WCHAR), command_line.Buffer + done,
                          piece * sizeof(WCHAR));
        }
        publish(context, *told, time);
        done += piece;
        told->SidLength = 0;
    }
}

}  // namespace

void find_process_details() {
    g_get_exit_status = find_system_routine<GetProcessExitStatus>(u"PsGetProcessExitStatus");
}

void publish_start_details(const SensorContext& context, PEPROCESS process, std::uint32_t process_id,
                           const PS_CREATE_NOTIFY_INFO& info, std::int64_t time) {
    AEGIS_PROCESS_DETAILS_PAYLOAD told;
    describe(process, process_id, &told);
    told.Kind = AEGIS_DETAILS_START;
    told.Parts = 1;
    add_origin(info, &told);
    if (info.CommandLine != nullptr) {
        publish_parts(context, *info.CommandLine, &told, time);
    } else {
        publish(context, told, time);
    }
}

void publish_exit_details(const SensorContext& context, PEPROCESS process, std::uint32_t process_id,
                          std::int64_t time) {
    AEGIS_PROCESS_DETAILS_PAYLOAD told;
    describe(process, process_id, &told);
    told.Kind = AEGIS_DETAILS_EXIT;
    told.Parts = 1;
    add_exit_status(process, &told);
    publish(context, told, time);
}

}  // namespace aegis::driver
