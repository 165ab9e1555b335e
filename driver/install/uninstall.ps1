<#
.SYNOPSIS
Stops and removes the AegisMon driver.

.DESCRIPTION
The reverse of install.ps1: stops the driver, deletes the service with its parameters, deletes the driver's file and
no longer trusts the certificate it was signed with. Needs an elevated PowerShell. Running it again does no harm.

.EXAMPLE
.\uninstall.ps1
#>
[CmdletBinding()]
param()

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot\service-errors.ps1"

$target = "$env:SystemRoot\System32\drivers\AegisMon.sys"
$certificate = "$PSScriptRoot\AegisTest.cer"

# The certificate the installed driver was signed with; a newer build beside this script may have another one.
function Get-SigningThumbprint {
    if (Test-Path -LiteralPath $target) {
        $signer = (Get-AuthenticodeSignature -LiteralPath $target).SignerCertificate
        if ($null -ne $signer) {
            return $signer.Thumbprint
        }
    }
    if (Test-Path -LiteralPath $certificate) {
        return (Get-PfxCertificate -FilePath $certificate).Thumbprint
    }
    $null
}

Assert-Elevated
$thumbprint = Get-SigningThumbprint

$code = Invoke-ServiceControl @('stop', 'AegisMon')
switch ($code) {
    0 { }
    1060 { Write-Host 'There is no service AegisMon.' }
    1062 { Write-Host 'The driver is not running.' }
    default { Stop-WithServiceError 'stop the driver' $code }
}
if (-not (Wait-ServiceStopped -Seconds 30)) {
    [Console]::Error.WriteLine('The driver is not stopping. Close every agent that reads from it and run uninstall.ps1 again.')
    exit 1
}

$code = Invoke-ServiceControl @('delete', 'AegisMon')
if ($code -notin 0, 1060) {
    Stop-WithServiceError 'delete the service' $code
}
if (Test-Path -LiteralPath $target) {
    Remove-Item -LiteralPath $target -Force
}
if ($null -ne $thumbprint) {
    foreach ($store in 'Root', 'TrustedPublisher') {
        $entry = "Cert:\LocalMachine\$store\$thumbprint"
        if (Test-Path $entry) {
            Remove-Item $entry
        }
    }
}
Write-Host 'AegisMon is removed. To switch test signing off as well: bcdedit /set testsigning off, then restart.'
