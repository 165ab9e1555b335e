# What the service manager's errors mean for AegisMon, and what to do about each. Used by install.ps1 and uninstall.ps1.

# Advice for an error of the start of the driver: DriverEntry's own status, as Win32 numbers it, or the loader's.
function Get-StartErrorAdvice {
    param([int] $Code)

    switch ($Code) {
        5 {
            'The driver was loaded and denied something it needs: a security product keeps it from registering its ' +
            'process callback, or its image was changed after it was built. Being elevated does not help. The ' +
            'driver''s debug output names the step.'
        }
        87 {
            'Windows has no room for one more process callback: other security products have taken all of them. ' +
            'Remove one of those, restart, and start the driver again.'
        }
        127 {
            'This kernel lacks a function that the driver needs, the system clock for example. Windows 10 1809 or ' +
            'later is needed.'
        }
        183 {
            'The name of the device is taken: another copy of the driver is loaded, AegisMonTest for example. Stop ' +
            'it with "sc.exe stop AegisMonTest" and start AegisMon again; "driverquery /v" lists what is loaded.'
        }
        1450 {
            'There is not enough nonpaged memory for the ring. Run install.ps1 with a smaller -RingKiB, 64 at least.'
        }
        default {
            (Get-ServiceErrorAdvice $Code) + ' Where the number is the driver''s own, its debug output names the ' +
            'step that failed: attach a kernel debugger, or run DebugView with "Capture Kernel" switched on, and ' +
            'start the driver once more.'
        }
    }
}

# Advice for a Win32 error of sc.exe; the system's own text for errors that need no advice.
function Get-ServiceErrorAdvice {
    param([int] $Code)

    switch ($Code) {
        5 {
            'Access is denied. Run this script in an elevated PowerShell ("Run as administrator").'
        }
        577 {
            'Windows refuses the signature. Test signing is off, or the signing certificate is not trusted. Turn ' +
            'test signing on with "bcdedit /set testsigning on" and restart; where Secure Boot is on, turn it off ' +
            'in the firmware first, because it overrides that setting. Then run install.ps1 again.'
        }
        1056 {
            'The driver is running already. To load a new file, stop it first; install.ps1 does.'
        }
        1058 {
            'The service is disabled. Set its start type with "sc.exe config AegisMon start= demand" and start it ' +
            'again.'
        }
        1060 {
            'There is no service AegisMon. Run install.ps1 first.'
        }
        1061 {
            'The driver is still stopping: it is unloaded when the last program that uses it has closed it. End ' +
            'every AegisAgent.exe and try again; after a restart it is stopped in any case.'
        }
        1062 {
            'The service AegisMon is not running. Start it with "sc.exe start AegisMon".'
        }
        1072 {
            'The service is marked for deletion but something still holds it open. Close services.msc and every ' +
            'program that uses AegisMon, or restart, and run this script again.'
        }
        1275 {
            'Windows blocks the driver by policy: an application control policy, or memory integrity (HVCI) on a ' +
            'machine that demands more than a test signature. Look in the event log under Microsoft-Windows-' +
            'CodeIntegrity for the reason, and change that policy on this test machine.'
        }
        default {
            ([System.ComponentModel.Win32Exception] $Code).Message
        }
    }
}

# Says what failed, why and what to do, and ends the script with the error as its exit code.
function Stop-WithServiceError {
    param([string] $Action, [int] $Code, [string] $Advice = (Get-ServiceErrorAdvice $Code))

    [Console]::Error.WriteLine("Could not $Action (error $Code).")
    [Console]::Error.WriteLine($Advice)
    exit $Code
}

# Ends the script with a sentence that says what to do.
function Stop-WithReason {
    param([string] $Reason)

    [Console]::Error.WriteLine($Reason)
    exit 1
}

# Ends the script unless it may change services and certificates.
function Assert-Elevated {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $administrator = [Security.Principal.WindowsBuiltInRole]::Administrator
    if (-not ([Security.Principal.WindowsPrincipal] $identity).IsInRole($administrator)) {
        Stop-WithServiceError 'change services' 5
    }
}

# Runs sc.exe and returns its exit code, which is a Win32 error. By its full name: "sc" alone is Set-Content.
function Invoke-ServiceControl {
    param([string[]] $Arguments)

    & "$env:SystemRoot\System32\sc.exe" @Arguments | Out-Null
    $LASTEXITCODE
}
