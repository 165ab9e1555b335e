// What a client and the host say to each other, over a Unix SOCK_SEQPACKET socket: one message, one packet.
//
//   client                          host
//   HelloRequest           ───►
//                          ◄───     Reply, descriptor: the notice socket
//   any request            ───►
//                          ◄───     Reply, Mapping[maps], mapping ids[unmaps], output bytes
//                          ◄─ ─     Notice, on the notice socket, at any time
//
// One request is outstanding at a time on a connection. Descriptors travel with the reply that needs
// them: first the one the operation itself returns, if any, then one for each Mapping, in order. The
// client sends none. Both ends run on one machine, so numbers are in its byte order.
//
// A message that is not well-formed gets a Reply with a specific status where the connection can go on:
//
//   STATUS_INFO_LENGTH_MISMATCH      another length than the operation and its counts require
//   STATUS_INVALID_PARAMETER         a reserved field is not zero, or a field has no such value
//   STATUS_INVALID_SYSTEM_SERVICE    unknown operation
//   STATUS_INVALID_DEVICE_STATE      no hello yet, or a second one
//   STATUS_INVALID_BUFFER_SIZE       longer buffers than kMaxIoBytes
//
// and ends the connection where it cannot: no header, another magic or version (after a Reply with
// STATUS_REVISION_MISMATCH), a packet longer than kMaxRequestBytes, descriptors, a sender that is not the
// process that connected, or replies that are not read.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aegis::host::protocol {

inline constexpr std::uint32_t kMagic = 0x48474541;  // "AEGH" in memory order
inline constexpr std::uint16_t kVersion = 1;

// Longest input and longest output of one IOCTL.
inline constexpr std::uint32_t kMaxIoBytes = 256 * 1024;
// Longest NT path, in UTF-16 units.
inline constexpr std::uint32_t kMaxPathUnits = 1024;
inline constexpr std::uint32_t kMaxRequestBytes = kMaxIoBytes + 64;
// Mappings and unmappings that one reply can report, each.
inline constexpr std::uint32_t kMaxMappingChanges = 8;
// What either end asks for as socket buffers: a message of the longest kind must fit.
inline constexpr int kSocketBufferBytes = 512 * 1024;

enum class Operation : std::uint16_t {
    kHello = 1,
    kOpenFile = 2,
    kDeviceIoControl = 3,
    kClose = 4,
    kCreateEvent = 5,
    kDuplicate = 6,
    kWatchService = 7,
    kOpenProcess = 8,
};

struct RequestHeader {
    std::uint32_t magic;      // kMagic
    std::uint16_t version;    // kVersion
    std::uint16_t operation;  // Operation
    std::uint32_t bytes;      // of the whole message
    std::uint32_t reserved;   // 0
};

// The window is address space that the client reserved and leaves to the host: the host chooses in it
// where the driver's memory appears. The same for every connection of a process; whole pages.
struct HelloRequest {
    RequestHeader header;
    std::uint64_t window_address;
    std::uint64_t window_bytes;
};

struct OpenFileRequest {
    RequestHeader header;
    std::uint32_t desired_access;
    std::uint32_t path_units;
    // UTF-16 path
};

struct DeviceIoControlRequest {
    RequestHeader header;
    std::uint64_t handle;
    std::uint32_t code;
    std::uint32_t input_bytes;
    std::uint32_t output_bytes;  // what the caller has room for
    std::uint32_t reserved;      // 0
    // input
};

struct CloseRequest {
    RequestHeader header;
    std::uint64_t handle;
};

struct CreateEventRequest {
    RequestHeader header;
    std::uint32_t manual_reset;  // 0 or 1
    std::uint32_t reserved;      // 0
};

// The reply brings the end of a pipe that hangs up when the service stops: the driver unloads as soon as every handle
// to it is closed. Nothing is ever written to it.
struct WatchServiceRequest {
    RequestHeader header;
};

struct DuplicateRequest {
    RequestHeader header;
    std::uint64_t handle;
    std::uint32_t target_pid;  // as the host numbers processes
    std::uint32_t reserved;    // 0
};

// The reply's output is the access that was granted, four bytes: what the drivers' callbacks have left of it.
struct OpenProcessRequest {
    RequestHeader header;
    std::uint32_t pid;  // as the host numbers processes; a client
    std::uint32_t desired_access;
};

// Also sent unasked, as the first message, to a connection that is refused.
struct Reply {
    std::uint32_t magic;
    std::uint16_t version;
    std::uint16_t operation;     // of the request; 0 when it was refused before it was read
    std::uint32_t bytes;         // of the whole message
    std::int32_t status;         // NTSTATUS
    std::uint64_t value;         // a handle, or IoStatus.Information; 0 otherwise
    std::uint32_t output_bytes;  // that follow the mapping changes
    std::uint16_t maps;
    std::uint16_t unmaps;
};

// To be mapped before the call returns, shared, at exactly this address.
struct Mapping {
    std::uint64_t id;  // never used twice in a process
    std::uint64_t address;
    std::uint64_t bytes;
    std::uint64_t offset;    // in the descriptor
    std::uint32_t writable;  // 0 or 1; never executable
    std::uint32_t reserved;
};

enum class NoticeKind : std::uint32_t {
    kUnmap = 1,
    kGoodbye = 2,  // the host ends; nothing follows. Mappings may stay, the memory behind them does
};

struct Notice {
    std::uint32_t kind;  // NoticeKind
    std::uint32_t reserved;
    std::uint64_t mapping_id;  // of kUnmap
};

static_assert(sizeof(RequestHeader) == 16);
static_assert(sizeof(HelloRequest) == 32);
static_assert(sizeof(OpenFileRequest) == 24);
static_assert(sizeof(DeviceIoControlRequest) == 40);
static_assert(sizeof(CloseRequest) == 24);
static_assert(sizeof(CreateEventRequest) == 24);
static_assert(sizeof(DuplicateRequest) == 32);
static_assert(sizeof(WatchServiceRequest) == 16);
static_assert(sizeof(OpenProcessRequest) == 24);
static_assert(sizeof(Reply) == 32);
static_assert(sizeof(Mapping) == 40);
static_assert(sizeof(Notice) == 16);
static_assert(offsetof(DeviceIoControlRequest, code) == 24);
static_assert(offsetof(DeviceIoControlRequest, output_bytes) == 32);
static_assert(offsetof(Reply, status) == 12);
static_assert(offsetof(Reply, value) == 16);
static_assert(offsetof(Reply, maps) == 28);
static_assert(offsetof(Mapping, writable) == 32);
static_assert(kMaxRequestBytes >= sizeof(DeviceIoControlRequest) + kMaxIoBytes);
static_assert(kMaxRequestBytes >= sizeof(OpenFileRequest) + std::size_t{2} * kMaxPathUnits);

}  // namespace aegis::host::protocol
