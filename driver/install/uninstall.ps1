<#
.SYNOPSIS
Stops and removes the AegisMon driver.

.DESCRIPTION
The reverse of install.ps1: stops the driver, deletes the service with its parameters, deletes the driver's file and
no longer trusts the certificates that any build of it was test-signed with. Needs an elevated PowerShell. Running it
again does no harm.

.EXAMPLE
.\uninstall.ps1
#>
[CmdletBinding()]
param()

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot\service-errors.ps1"
. "$PSScriptRoot\stop-driver.ps1"
. "$PSScriptRoot\certificates.ps1"

$target = "$env:SystemRoot\System32\drivers\AegisMon.sys"

Assert-Elevated

switch (Stop-Driver) {
    1060 { Write-Host 'There is no service AegisMon.' }
    1062 { Write-Host 'The driver is not running.' }
}

$code = Invoke-ServiceControl @('delete', 'AegisMon')
if ($code -notin 0, 1060) {
    Stop-WithServiceError 'delete the service' $code
}
if (Test-Path -LiteralPath $target) {
    Remove-Item -LiteralPath $target -Force
}
Remove-SigningCertificate
Write-Host 'AegisMon is removed. To switch test signing off as well: bcdedit /set testsigning off, then restart.'
