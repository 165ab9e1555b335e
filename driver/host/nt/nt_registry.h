/* What the configuration manager tells a registry callback. */
#ifndef AEGIS_HOST_NT_REGISTRY_H
#define AEGIS_HOST_NT_REGISTRY_H

#include "nt_base.h"

inline constexpr ULONG REG_CREATED_NEW_KEY = 1;
inline constexpr ULONG REG_OPENED_EXISTING_KEY = 2;

/* The first argument of a callback; those that the host raises. A pre notification has the structure of its operation
   behind it, a post notification REG_POST_OPERATION_INFORMATION. */
enum REG_NOTIFY_CLASS : int {
    RegNtPreDeleteKey = 0,
    RegNtPreSetValueKey = 1,
    RegNtPreDeleteValueKey = 2,
    RegNtPreRenameKey = 4,
    RegNtPreKeyHandleClose = 14,
    RegNtPostDeleteKey = 15,
    RegNtPostSetValueKey = 16,
    RegNtPostDeleteValueKey = 17,
    RegNtPostRenameKey = 19,
    RegNtPostKeyHandleClose = 25,
    RegNtPreCreateKeyEx = 26,
    RegNtPostCreateKeyEx = 27,
    RegNtPreOpenKeyEx = 28,
    RegNtPostOpenKeyEx = 29
};

using PEX_CALLBACK_FUNCTION = NTSTATUS(NTAPI*)(PVOID CallbackContext, PVOID Argument1, PVOID Argument2);

struct REG_DELETE_KEY_INFORMATION {
    PVOID Object;
    PVOID CallContext;
    PVOID ObjectContext;
    PVOID Reserved;
};
using PREG_DELETE_KEY_INFORMATION = REG_DELETE_KEY_INFORMATION*;

struct REG_SET_VALUE_KEY_INFORMATION {
    PVOID Object;
    PUNICODE_STRING ValueName;
    ULONG TitleIndex;
    ULONG Type; /* REG_… */
    PVOID Data; /* in user memory, unless NT has captured it */
    ULONG DataSize;
    PVOID CallContext;
    PVOID ObjectContext;
    PVOID Reserved;
};
using PREG_SET_VALUE_KEY_INFORMATION = REG_SET_VALUE_KEY_INFORMATION*;

struct REG_DELETE_VALUE_KEY_INFORMATION {
    PVOID Object;
    PUNICODE_STRING ValueName;
    PVOID CallContext;
    PVOID ObjectContext;
    PVOID Reserved;
};
using PREG_DELETE_VALUE_KEY_INFORMATION = REG_DELETE_VALUE_KEY_INFORMATION*;

struct REG_RENAME_KEY_INFORMATION {
    PVOID Object;
    PUNICODE_STRING NewName;
    PVOID CallContext;
    PVOID ObjectContext;
    PVOID Reserved;
};
using PREG_RENAME_KEY_INFORMATION = REG_RENAME_KEY_INFORMATION*;

struct REG_CREATE_KEY_INFORMATION_V1 {
    PUNICODE_STRING CompleteName; /* absolute, or relative to RootObject */
    PVOID RootObject;
    PVOID ObjectType;
    ULONG Options;
    PUNICODE_STRING Class;
    PVOID SecurityDescriptor;
    PVOID SecurityQualityOfService;
    ACCESS_MASK DesiredAccess;
    ACCESS_MASK GrantedAccess;
    PULONG Disposition; /* REG_CREATED_NEW_KEY, REG_OPENED_EXISTING_KEY, when it is done */
    PVOID* ResultObject;
    PVOID CallContext;
    PVOID RootObjectContext;
    PVOID Transaction;
    ULONG_PTR Version;
    PUNICODE_STRING RemainingName;
    ULONG Wow64Flags;
    ULONG Attributes;
    KPROCESSOR_MODE CheckAccessMode;
};
using PREG_CREATE_KEY_INFORMATION_V1 = REG_CREATE_KEY_INFORMATION_V1*;
using REG_OPEN_KEY_INFORMATION_V1 = REG_CREATE_KEY_INFORMATION_V1;

struct REG_KEY_HANDLE_CLOSE_INFORMATION {
    PVOID Object; /* it is about to go: nothing may be asked about it */
    PVOID CallContext;
    PVOID ObjectContext;
    PVOID Reserved;
};

struct REG_POST_OPERATION_INFORMATION {
    PVOID Object; /* of a create or open: only when Status is STATUS_SUCCESS */
    NTSTATUS Status;
    PVOID PreInformation;
    NTSTATUS ReturnStatus;
    PVOID CallContext; /* what the callback left in the pre information */
    PVOID ObjectContext;
    PVOID Reserved;
};
using PREG_POST_OPERATION_INFORMATION = REG_POST_OPERATION_INFORMATION*;

#endif
