/* Callbacks on the handles to objects: told before one is opened or duplicated, and after. */
#ifndef AEGIS_HOST_NT_OBJECT_CALLBACKS_H
#define AEGIS_HOST_NT_OBJECT_CALLBACKS_H

#include "nt_process.h"

inline constexpr USHORT OB_FLT_REGISTRATION_VERSION = 0x0100;

using OB_OPERATION = ULONG;
inline constexpr OB_OPERATION OB_OPERATION_HANDLE_CREATE = 1;
inline constexpr OB_OPERATION OB_OPERATION_HANDLE_DUPLICATE = 2;

struct OB_PRE_CREATE_HANDLE_INFORMATION {
    ACCESS_MASK DesiredAccess; /* rights may be taken out of it */
    ACCESS_MASK OriginalDesiredAccess;
};
using POB_PRE_CREATE_HANDLE_INFORMATION = OB_PRE_CREATE_HANDLE_INFORMATION*;

struct OB_PRE_DUPLICATE_HANDLE_INFORMATION {
    ACCESS_MASK DesiredAccess; /* rights may be taken out of it */
    ACCESS_MASK OriginalDesiredAccess;
    PVOID SourceProcess;
    PVOID TargetProcess;
};
using POB_PRE_DUPLICATE_HANDLE_INFORMATION = OB_PRE_DUPLICATE_HANDLE_INFORMATION*;

union OB_PRE_OPERATION_PARAMETERS {
    OB_PRE_CREATE_HANDLE_INFORMATION CreateHandleInformation;
    OB_PRE_DUPLICATE_HANDLE_INFORMATION DuplicateHandleInformation;
};
using POB_PRE_OPERATION_PARAMETERS = OB_PRE_OPERATION_PARAMETERS*;

struct OB_PRE_OPERATION_INFORMATION {
    OB_OPERATION Operation;
    __extension__ union {
        ULONG Flags;
        __extension__ struct {
            ULONG KernelHandle : 1; /* its rights must stay as they are */
            ULONG Reserved : 31;
        };
    };
    PVOID Object;
    POBJECT_TYPE ObjectType;
    PVOID CallContext; /* for the callback after the operation */
    POB_PRE_OPERATION_PARAMETERS Parameters;
};
using POB_PRE_OPERATION_INFORMATION = OB_PRE_OPERATION_INFORMATION*;

struct OB_POST_CREATE_HANDLE_INFORMATION {
    ACCESS_MASK GrantedAccess;
};
using POB_POST_CREATE_HANDLE_INFORMATION = OB_POST_CREATE_HANDLE_INFORMATION*;

struct OB_POST_DUPLICATE_HANDLE_INFORMATION {
    ACCESS_MASK GrantedAccess;
};
using POB_POST_DUPLICATE_HANDLE_INFORMATION = OB_POST_DUPLICATE_HANDLE_INFORMATION*;

union OB_POST_OPERATION_PARAMETERS {
    OB_POST_CREATE_HANDLE_INFORMATION CreateHandleInformation;
    OB_POST_DUPLICATE_HANDLE_INFORMATION DuplicateHandleInformation;
};
using POB_POST_OPERATION_PARAMETERS = OB_POST_OPERATION_PARAMETERS*;

struct OB_POST_OPERATION_INFORMATION {
    OB_OPERATION Operation;
    __extension__ union {
        ULONG Flags;
        __extension__ struct {
            ULONG KernelHandle : 1;
            ULONG Reserved : 31;
        };
    };
    PVOID Object;
    POBJECT_TYPE ObjectType;
    PVOID CallContext; /* as the callback before the operation has left it */
    NTSTATUS ReturnStatus;
    POB_POST_OPERATION_PARAMETERS Parameters; /* of a handle that was made; otherwise it means nothing */
};
using POB_POST_OPERATION_INFORMATION = OB_POST_OPERATION_INFORMATION*;

enum OB_PREOP_CALLBACK_STATUS : int { OB_PREOP_SUCCESS };

/* PASSIVE_LEVEL, inside a critical region, on the thread that makes the handle. */
using POB_PRE_OPERATION_CALLBACK = OB_PREOP_CALLBACK_STATUS(NTAPI*)(PVOID RegistrationContext,
                                                                    POB_PRE_OPERATION_INFORMATION OperationInformation);
using POB_POST_OPERATION_CALLBACK = void(NTAPI*)(PVOID RegistrationContext,
                                                 POB_POST_OPERATION_INFORMATION OperationInformation);

struct OB_OPERATION_REGISTRATION {
    POBJECT_TYPE* ObjectType;
    OB_OPERATION Operations;
    POB_PRE_OPERATION_CALLBACK PreOperation;
    POB_POST_OPERATION_CALLBACK PostOperation;
};
using POB_OPERATION_REGISTRATION = OB_OPERATION_REGISTRATION*;

struct OB_CALLBACK_REGISTRATION {
    USHORT Version;
    USHORT OperationRegistrationCount;
    UNICODE_STRING Altitude;
    PVOID RegistrationContext;
    OB_OPERATION_REGISTRATION* OperationRegistration;
};
using POB_CALLBACK_REGISTRATION = OB_CALLBACK_REGISTRATION*;

extern "C" {
/* <= APC_LEVEL. Unregistering returns when no call is in flight any more. */
NTSTATUS NTAPI ObRegisterCallbacks(POB_CALLBACK_REGISTRATION CallbackRegistration, PVOID* RegistrationHandle);
void NTAPI ObUnRegisterCallbacks(PVOID RegistrationHandle);
USHORT NTAPI ObGetFilterVersion();
}

#endif
