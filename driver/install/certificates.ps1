# The certificates that AegisMon is test-signed with. Every build makes one of its own, with the same subject. Used by
# install.ps1 and uninstall.ps1.

$aegisSubject = 'CN=Aegis Test Signing'

# Trusts the signer of this build and no other one of AegisMon: those of earlier builds have nothing to sign any more.
function Install-SigningCertificate {
    param([string] $Path)

    $thumbprint = (Get-PfxCertificate -FilePath $Path).Thumbprint
    Remove-SigningCertificate -Except $thumbprint
    foreach ($store in 'Root', 'TrustedPublisher') {
        Import-Certificate -FilePath $Path -CertStoreLocation "Cert:\LocalMachine\$store" | Out-Null
    }
}

# Removes every certificate with the subject of AegisMon's, whichever build it came with, but the one named.
function Remove-SigningCertificate {
    param([string] $Except = '')

    foreach ($store in 'Root', 'TrustedPublisher') {
        $ours = @(Get-ChildItem -Path "Cert:\LocalMachine\$store" | Where-Object {
            $_.Subject -eq $aegisSubject -and $_.Thumbprint -ne $Except
        })
        foreach ($old in $ours) {
            Remove-Item -LiteralPath "Cert:\LocalMachine\$store\$($old.Thumbprint)"
        }
    }
}
