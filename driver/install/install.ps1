<#
.SYNOPSIS
Installs the AegisMon driver as a service and starts it.

.DESCRIPTION
Trusts the certificate that the driver is test-signed with, copies the driver to the system's driver folder, creates
the service AegisMon (started on demand) and starts it. Running it again updates an installation in place.

Needs an elevated 64-bit PowerShell and test signing switched on (bcdedit /set testsigning on, then restart). The
script says which of them is missing, and explains the errors of the service manager.

.PARAMETER RingKiB
How much memory the ring takes, in KiB: 64 to 69632. Without it the driver keeps its setting, at first 4352, which keeps
some 20,000 process events.

.PARAMETER NoStart
Installs only. Start the driver later with: sc.exe start AegisMon

.EXAMPLE
.\install.ps1

.EXAMPLE
.\install.ps1 -RingKiB 16384 -NoStart
#>
[CmdletBinding()]
param(
    [ValidateRange(64, 69632)]
    [int] $RingKiB,

    [switch] $NoStart
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot\service-errors.ps1"
. "$PSScriptRoot\stop-driver.ps1"
. "$PSScriptRoot\certificates.ps1"

$source = "$PSScriptRoot\AegisMon.sys"
$certificate = "$PSScriptRoot\AegisTest.cer"
$target = "$env:SystemRoot\System32\drivers\AegisMon.sys"
$parameters = 'HKLM:\SYSTEM\CurrentControlSet\Services\AegisMon\Parameters'

# The options this boot runs with, not those of the next one.
function Test-TestSigning {
    $options = (Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control').SystemStartOptions
    $options -match '\bTESTSIGNING\b'
}

function Test-SecureBoot {
    try {
        Confirm-SecureBootUEFI
    } catch {
        # Firmware without UEFI has no Secure Boot.
        $false
    }
}

function Test-MemoryIntegrity {
    $hypervisorEnforcedCodeIntegrity = 2
    $guard = Get-CimInstance Win32_DeviceGuard -Namespace 'root\Microsoft\Windows\DeviceGuard' -ErrorAction Ignore
    $null -ne $guard -and $guard.SecurityServicesRunning -contains $hypervisorEnforcedCodeIntegrity
}

Assert-Elevated
if (-not [Environment]::Is64BitProcess -or $env:PROCESSOR_ARCHITECTURE -ne 'AMD64') {
    Stop-WithReason 'AegisMon runs on 64-bit x86 Windows. Use the 64-bit PowerShell.'
}
foreach ($file in $source, $certificate) {
    if (-not (Test-Path -LiteralPath $file)) {
        Stop-WithReason "$file is missing. Keep the files of this folder together."
    }
}
if (-not (Test-TestSigning)) {
    $remedy = 'Run "bcdedit /set testsigning on" and restart.'
    if ((& "$env:SystemRoot\System32\bcdedit.exe" /enum '{current}' | Out-String) -match '(?m)^testsigning\s') {
        $remedy = 'It is configured already: restart.'
    }
    if (Test-SecureBoot) {
        $remedy = 'Turn Secure Boot off in the firmware, which overrides it. ' + $remedy
    }
    Stop-WithReason "Test signing is off, so Windows would refuse the driver (error 577). $remedy"
}
if (Test-MemoryIntegrity) {
    Write-Host ('Memory integrity (HVCI) is on. The driver is built for it, but was not tried with it. If the start ' +
        'fails with 577 or 1275, switch it off under Windows Security > Device security > Core isolation and restart.')
}

# The file of a loaded driver cannot be replaced, nor its signer distrusted as long as it may be started again.
Stop-Driver | Out-Null
Install-SigningCertificate $certificate
Write-Host 'The signing certificate is trusted.'
Copy-Item -LiteralPath $source -Destination $target -Force

$settings = @('type=', 'kernel', 'start=', 'demand', 'error=', 'normal', 'binPath=', $target)
$code = Invoke-ServiceControl (@('create', 'AegisMon') + $settings)
if ($code -eq 1073) {
    $code = Invoke-ServiceControl (@('config', 'AegisMon') + $settings)
}
if ($code -ne 0) {
    Stop-WithServiceError 'create the service' $code
}
if ($PSBoundParameters.ContainsKey('RingKiB')) {
    if (-not (Test-Path $parameters)) {
        New-Item $parameters | Out-Null
    }
    Set-ItemProperty $parameters -Name 'RingKiB' -Value $RingKiB -Type DWord
    Remove-ItemProperty $parameters -Name 'SlotCount' -ErrorAction SilentlyContinue
}
Write-Host 'The service AegisMon is installed.'

if (-not $NoStart) {
    $code = Invoke-ServiceControl @('start', 'AegisMon')
    if ($code -ne 0) {
        Stop-WithServiceError 'start the driver' $code (Get-StartErrorAdvice $code)
    }
    Write-Host 'The driver is running. Start AegisAgent.exe in an elevated console.'
}
