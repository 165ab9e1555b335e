// Holds two sets of NT declarations to the same numbers: ours, which the driver is compiled with for Linux, and
// mingw's, which it is compiled with for Windows. Compiling this file is the test; CTest does it once with each.
//
// Catches: a field added, dropped, widened or moved in driver/host/nt (swap two fields and the compilation fails).
#include <ntifs.h>

#include <cstddef>

// offsetof on members of nested unions is what these lists are about, and every type here is an aggregate of C.
#define AEGIS_SIZE(type, bytes)          static_assert(sizeof(type) == (bytes), "size of " #type)
#define AEGIS_OFFSET(type, field, bytes) static_assert(offsetof(type, field) == (bytes), "offset of " #type "." #field)

static_assert(sizeof(void*) == 8 && sizeof(ULONG) == 4 && sizeof(LONG) == 4 && sizeof(WCHAR) == 2);
static_assert(sizeof(HANDLE) == 8 && sizeof(BOOLEAN) == 1 && sizeof(SIZE_T) == 8 && sizeof(KIRQL) == 1);

AEGIS_SIZE(UNICODE_STRING, 16);
AEGIS_OFFSET(UNICODE_STRING, MaximumLength, 2);
AEGIS_OFFSET(UNICODE_STRING, Buffer, 8);
AEGIS_SIZE(LIST_ENTRY, 16);
AEGIS_SIZE(LARGE_INTEGER, 8);
AEGIS_SIZE(UUID, 16);
AEGIS_SIZE(CLIENT_ID, 16);
AEGIS_SIZE(OBJECT_ATTRIBUTES, 48);
AEGIS_OFFSET(OBJECT_ATTRIBUTES, RootDirectory, 8);
AEGIS_OFFSET(OBJECT_ATTRIBUTES, ObjectName, 16);
AEGIS_OFFSET(OBJECT_ATTRIBUTES, Attributes, 24);

AEGIS_SIZE(DISPATCHER_HEADER, 24);
AEGIS_OFFSET(DISPATCHER_HEADER, SignalState, 4);
AEGIS_OFFSET(DISPATCHER_HEADER, WaitListHead, 8);
AEGIS_SIZE(KEVENT, 24);
AEGIS_SIZE(KSPIN_LOCK, 8);
AEGIS_SIZE(KLOCK_QUEUE_HANDLE, 24);
AEGIS_OFFSET(KLOCK_QUEUE_HANDLE, OldIrql, 16);
AEGIS_SIZE(FAST_MUTEX, 56);
AEGIS_OFFSET(FAST_MUTEX, Owner, 8);
AEGIS_OFFSET(FAST_MUTEX, Event, 24);
AEGIS_OFFSET(FAST_MUTEX, OldIrql, 48);
AEGIS_SIZE(EX_RUNDOWN_REF, 8);
AEGIS_SIZE(KAPC_STATE, 48);
AEGIS_OFFSET(KAPC_STATE, Process, 32);

AEGIS_SIZE(MDL, 48);
AEGIS_OFFSET(MDL, MdlFlags, 10);
AEGIS_OFFSET(MDL, MappedSystemVa, 24);
AEGIS_OFFSET(MDL, StartVa, 32);
AEGIS_OFFSET(MDL, ByteCount, 40);
AEGIS_OFFSET(MDL, ByteOffset, 44);

AEGIS_SIZE(DRIVER_OBJECT, 0x150);
AEGIS_OFFSET(DRIVER_OBJECT, DeviceObject, 0x08);
AEGIS_OFFSET(DRIVER_OBJECT, DriverExtension, 0x30);
AEGIS_OFFSET(DRIVER_OBJECT, DriverName, 0x38);
AEGIS_OFFSET(DRIVER_OBJECT, DriverUnload, 0x68);
AEGIS_OFFSET(DRIVER_OBJECT, MajorFunction, 0x70);
AEGIS_SIZE(DRIVER_EXTENSION, 40);

// Windows aligns DEVICE_OBJECT to 16 bytes and mingw does not, so its size differs; no field does.
AEGIS_OFFSET(DEVICE_OBJECT, ReferenceCount, 0x04);
AEGIS_OFFSET(DEVICE_OBJECT, DriverObject, 0x08);
AEGIS_OFFSET(DEVICE_OBJECT, NextDevice, 0x10);
AEGIS_OFFSET(DEVICE_OBJECT, Flags, 0x30);
AEGIS_OFFSET(DEVICE_OBJECT, Characteristics, 0x34);
AEGIS_OFFSET(DEVICE_OBJECT, DeviceExtension, 0x40);
AEGIS_OFFSET(DEVICE_OBJECT, DeviceType, 0x48);
AEGIS_OFFSET(DEVICE_OBJECT, StackSize, 0x4C);
AEGIS_OFFSET(DEVICE_OBJECT, AlignmentRequirement, 0x98);
AEGIS_OFFSET(DEVICE_OBJECT, ActiveThreadCount, 0x108);
AEGIS_OFFSET(DEVICE_OBJECT, SecurityDescriptor, 0x110);
AEGIS_OFFSET(DEVICE_OBJECT, DeviceLock, 0x118);
AEGIS_OFFSET(DEVICE_OBJECT, DeviceObjectExtension, 0x138);

AEGIS_SIZE(FILE_OBJECT, 0xD8);
AEGIS_OFFSET(FILE_OBJECT, DeviceObject, 0x08);
AEGIS_OFFSET(FILE_OBJECT, FsContext, 0x18);
AEGIS_OFFSET(FILE_OBJECT, FsContext2, 0x20);
AEGIS_OFFSET(FILE_OBJECT, ReadAccess, 0x4A);
AEGIS_OFFSET(FILE_OBJECT, Flags, 0x50);
AEGIS_OFFSET(FILE_OBJECT, FileName, 0x58);
AEGIS_OFFSET(FILE_OBJECT, Lock, 0x80);
AEGIS_OFFSET(FILE_OBJECT, IrpList, 0xC0);

AEGIS_SIZE(IRP, 0xD0);
AEGIS_OFFSET(IRP, MdlAddress, 0x08);
AEGIS_OFFSET(IRP, AssociatedIrp.SystemBuffer, 0x18);
AEGIS_OFFSET(IRP, IoStatus, 0x30);
AEGIS_OFFSET(IRP, RequestorMode, 0x40);
AEGIS_OFFSET(IRP, PendingReturned, 0x41);
AEGIS_OFFSET(IRP, Cancel, 0x44);
AEGIS_OFFSET(IRP, UserBuffer, 0x70);
AEGIS_OFFSET(IRP, Tail.Overlay.Thread, 0x98);
AEGIS_OFFSET(IRP, Tail.Overlay.CurrentStackLocation, 0xB8);
AEGIS_OFFSET(IRP, Tail.Overlay.OriginalFileObject, 0xC0);
AEGIS_SIZE(IO_STATUS_BLOCK, 16);
AEGIS_OFFSET(IO_STATUS_BLOCK, Information, 8);

AEGIS_SIZE(IO_STACK_LOCATION, 0x48);
AEGIS_OFFSET(IO_STACK_LOCATION, Flags, 0x02);
AEGIS_OFFSET(IO_STACK_LOCATION, Control, 0x03);
AEGIS_OFFSET(IO_STACK_LOCATION, Parameters.Create.SecurityContext, 0x08);
AEGIS_OFFSET(IO_STACK_LOCATION, Parameters.Create.ShareAccess, 0x1A);
AEGIS_OFFSET(IO_STACK_LOCATION, Parameters.DeviceIoControl.OutputBufferLength, 0x08);
AEGIS_OFFSET(IO_STACK_LOCATION, Parameters.DeviceIoControl.InputBufferLength, 0x10);
AEGIS_OFFSET(IO_STACK_LOCATION, Parameters.DeviceIoControl.IoControlCode, 0x18);
AEGIS_OFFSET(IO_STACK_LOCATION, Parameters.DeviceIoControl.Type3InputBuffer, 0x20);
AEGIS_OFFSET(IO_STACK_LOCATION, Parameters.Read.ByteOffset, 0x18);
AEGIS_OFFSET(IO_STACK_LOCATION, DeviceObject, 0x28);
AEGIS_OFFSET(IO_STACK_LOCATION, FileObject, 0x30);

AEGIS_SIZE(IO_SECURITY_CONTEXT, 24);
AEGIS_OFFSET(IO_SECURITY_CONTEXT, AccessState, 8);
AEGIS_OFFSET(IO_SECURITY_CONTEXT, DesiredAccess, 16);
AEGIS_SIZE(ACCESS_STATE, 0xA0);
AEGIS_OFFSET(ACCESS_STATE, RemainingDesiredAccess, 0x10);
AEGIS_OFFSET(ACCESS_STATE, PreviouslyGrantedAccess, 0x14);
AEGIS_OFFSET(ACCESS_STATE, OriginalDesiredAccess, 0x18);
AEGIS_OFFSET(ACCESS_STATE, SubjectSecurityContext, 0x20);
AEGIS_OFFSET(ACCESS_STATE, SecurityDescriptor, 0x40);
AEGIS_SIZE(SECURITY_SUBJECT_CONTEXT, 32);
AEGIS_OFFSET(SECURITY_SUBJECT_CONTEXT, PrimaryToken, 16);
AEGIS_SIZE(SECURITY_DESCRIPTOR, 40);
AEGIS_OFFSET(SECURITY_DESCRIPTOR, Control, 2);
AEGIS_OFFSET(SECURITY_DESCRIPTOR, Dacl, 32);
AEGIS_SIZE(ACL, 8);
AEGIS_SIZE(SID, 12);
AEGIS_SIZE(ACCESS_ALLOWED_ACE, 12);
AEGIS_SIZE(GENERIC_MAPPING, 16);
AEGIS_OFFSET(SE_EXPORTS, SeWorldSid, 0xC0);
AEGIS_OFFSET(SE_EXPORTS, SeLocalSystemSid, 0x108);
AEGIS_OFFSET(SE_EXPORTS, SeAliasAdminsSid, 0x110);

AEGIS_SIZE(KEY_VALUE_PARTIAL_INFORMATION, 16);
AEGIS_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, DataLength, 8);
AEGIS_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data, 12);

AEGIS_SIZE(PS_CREATE_NOTIFY_INFO, 0x48);
AEGIS_OFFSET(PS_CREATE_NOTIFY_INFO, Flags, 0x08);
AEGIS_OFFSET(PS_CREATE_NOTIFY_INFO, ParentProcessId, 0x10);
AEGIS_OFFSET(PS_CREATE_NOTIFY_INFO, CreatingThreadId, 0x18);
AEGIS_OFFSET(PS_CREATE_NOTIFY_INFO, ImageFileName, 0x30);
AEGIS_OFFSET(PS_CREATE_NOTIFY_INFO, CommandLine, 0x38);
AEGIS_OFFSET(PS_CREATE_NOTIFY_INFO, CreationStatus, 0x40);
AEGIS_SIZE(IMAGE_INFO, 0x28);
AEGIS_OFFSET(IMAGE_INFO, Properties, 0x00);
AEGIS_OFFSET(IMAGE_INFO, ImageBase, 0x08);
AEGIS_OFFSET(IMAGE_INFO, ImageSelector, 0x10);
AEGIS_OFFSET(IMAGE_INFO, ImageSize, 0x18);
AEGIS_OFFSET(IMAGE_INFO, ImageSectionNumber, 0x20);
AEGIS_SIZE(IMAGE_INFO_EX, 0x38);
AEGIS_OFFSET(IMAGE_INFO_EX, ImageInfo, 0x08);
AEGIS_OFFSET(IMAGE_INFO_EX, FileObject, 0x30);

// Values the two sides spell in different ways.
static_assert(CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_READ_DATA) == 0x226000);
static_assert(FILE_ALL_ACCESS == 0x1F01FF && FILE_GENERIC_READ == 0x120089 && FILE_GENERIC_WRITE == 0x120116);
static_assert(FILE_GENERIC_EXECUTE == 0x1200A0 && KEY_READ == 0x20019 && EVENT_ALL_ACCESS == 0x1F0003);
static_assert(NonPagedPool == 0 && PagedPool == 1 && NonPagedPoolNx == 512);
static_assert(KernelMode == 0 && UserMode == 1 && NotificationEvent == 0 && SynchronizationEvent == 1);
static_assert(PASSIVE_LEVEL == 0 && APC_LEVEL == 1 && DISPATCH_LEVEL == 2);
static_assert(IRP_MJ_DEVICE_CONTROL == 0x0E && IRP_MJ_CLEANUP == 0x12 && IRP_MJ_MAXIMUM_FUNCTION == 0x1B);
static_assert(DO_DEVICE_INITIALIZING == 0x80 && FILE_DEVICE_SECURE_OPEN == 0x100 && DO_EXCLUSIVE == 8);
static_assert(SL_FORCE_ACCESS_CHECK == 1 && static_cast<unsigned>(STATUS_OBJECT_NAME_INVALID) == 0xC0000033);
static_assert(static_cast<unsigned>(STATUS_NOT_SUPPORTED) == 0xC00000BB);
static_assert(SL_PENDING_RETURNED == 1 && OBJ_KERNEL_HANDLE == 0x200 && OBJ_CASE_INSENSITIVE == 0x40);
static_assert(NormalPagePriority == 16 && HighPagePriority == 32 && MmCached == 1);
static_assert(static_cast<unsigned>(STATUS_ACCESS_DENIED) == 0xC0000022);
static_assert(static_cast<unsigned>(STATUS_BUFFER_TOO_SMALL) == 0xC0000023);
static_assert(static_cast<unsigned>(STATUS_OBJECT_TYPE_MISMATCH) == 0xC0000024);
static_assert(static_cast<unsigned>(STATUS_INFO_LENGTH_MISMATCH) == 0xC0000004);
static_assert(static_cast<unsigned>(STATUS_REVISION_MISMATCH) == 0xC0000059);
static_assert(static_cast<unsigned>(STATUS_QUOTA_EXCEEDED) == 0xC0000044);
static_assert(static_cast<unsigned>(STATUS_NOT_FOUND) == 0xC0000225);
static_assert(static_cast<unsigned>(STATUS_INSUFFICIENT_RESOURCES) == 0xC000009A);
static_assert(static_cast<unsigned>(STATUS_INVALID_DEVICE_REQUEST) == 0xC0000010);
static_assert(static_cast<unsigned>(STATUS_PROCEDURE_NOT_FOUND) == 0xC000007A);
static_assert(static_cast<unsigned>(STATUS_PROCESS_IS_TERMINATING) == 0xC000010A);
static_assert(static_cast<unsigned>(STATUS_DRIVER_INTERNAL_ERROR) == 0xC0000183);
