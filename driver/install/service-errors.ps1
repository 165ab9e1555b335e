# What the service manager's errors mean for AegisMon, and what to do about each. Used by install.ps1 and uninstall.ps1.

# Advice for a Win32 error of sc.exe; the system's own text for errors that need no advice.
function Get-ServiceErrorAdvice {
    param([int] $Code)

    switch ($Code) {
        5 {
            'Access is denied. Run this script in an elevated PowerShell ("Run as administrator").'
        }
        31 {
            'The driver was loaded, but its start routine failed and it was unloaded again. It names the step that ' +
            'failed in its debug output: attach a kernel debugger, or run DebugView with "Capture Kernel" switched on ' +
            'and start the driver once more.'
        }
        577 {
            'Windows refuses the signature. Test signing is off, or the signing certificate is not trusted. Turn ' +
            'test signing on with "bcdedit /set testsigning on" and restart; where Secure Boot is on, turn it off ' +
            'in the firmware first, because it overrides that setting. Then run install.ps1 again.'
        }
        1058 {
            'The service is disabled. Set its start type with "sc.exe config AegisMon start= demand" and start it ' +
            'again.'
        }
        1060 {
            'There is no service AegisMon. Run install.ps1 first.'
        }
        1062 {
            'The service AegisMon is not running. Start it with "sc.exe start AegisMon".'
        }
        1072 {
            'The service is marked for deletion but something still holds it open. Close services.msc and every ' +
            'program that uses AegisMon, or restart, and run this script again.'
        }
        1275 {
            'Code integrity blocks the driver. Memory integrity (HVCI) or an application control policy refuses ' +
            'test-signed drivers. Turn memory integrity off under Windows Security > Device security > Core ' +
            'isolation, restart, and run install.ps1 again.'
        }
        1450 {
            'There is not enough nonpaged memory for the ring. Run install.ps1 with a smaller -SlotCount, 64 at least.'
        }
        default {
            ([System.ComponentModel.Win32Exception] $Code).Message
        }
    }
}

# Says what failed, why and what to do, and ends the script with the error as its exit code.
function Stop-WithServiceError {
    param([string] $Action, [int] $Code)

    [Console]::Error.WriteLine("Could not $Action (error $Code).")
    [Console]::Error.WriteLine((Get-ServiceErrorAdvice $Code))
    exit $Code
}

# Ends the script unless it may change services and certificates.
function Assert-Elevated {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $administrator = [Security.Principal.WindowsBuiltInRole]::Administrator
    if (-not ([Security.Principal.WindowsPrincipal] $identity).IsInRole($administrator)) {
        Stop-WithServiceError 'change services' 5
    }
}

# Runs sc.exe and returns its exit code, which is a Win32 error.
function Invoke-ServiceControl {
    param([string[]] $Arguments)

    & "$env:SystemRoot\System32\sc.exe" @Arguments | Out-Null
    $LASTEXITCODE
}

# Waits until AegisMon is stopped; $false when it still is not after the given time.
function Wait-ServiceStopped {
    param([int] $Seconds)

    for ($i = 0; $i -lt $Seconds * 2; $i++) {
        $driver = Get-CimInstance Win32_SystemDriver -Filter "Name = 'AegisMon'"
        if ($null -eq $driver -or $driver.State -eq 'Stopped') {
            return $true
        }
        Start-Sleep -Milliseconds 500
    }
    $false
}
