# Stopping AegisMon, which Windows unloads only when the last handle to its device is closed. AegisAgent sees that the
# service stops and closes its handle; other programs may not. Used by install.ps1 and uninstall.ps1.

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

# The processes that read from the device, as "name (number)". The driver knows them as long as it can be opened; once
# it is stopping, the programs of this folder that run are the best guess.
function Get-DeviceHolder {
    $agent = "$PSScriptRoot\AegisAgent.exe"
    $processes = @()
    if (Test-Path -LiteralPath $agent) {
        $numbers = @(& $agent --quiet --holders | Where-Object { $_ -match '^\d+ ' } | ForEach-Object {
            [int] ($_ -split ' ')[0]
        })
        if ($numbers.Count -gt 0) {
            $processes = @(Get-Process -Id $numbers -ErrorAction Ignore)
        }
    }
    if ($processes.Count -eq 0) {
        $processes = @(Get-Process -Name 'AegisAgent', 'AegisBench' -ErrorAction Ignore)
    }
    @($processes | ForEach-Object { "$($_.Name) ($($_.Id))" })
}

# Stops the driver and waits for it, and says for whom. Returns 0, 1060 (no such service) or 1062 (it did not run); ends
# the script where that fails. The file of a driver that is stopped can be replaced.
function Stop-Driver {
    $driver = Get-CimInstance Win32_SystemDriver -Filter "Name = 'AegisMon'"
    if ($null -eq $driver) {
        return 1060
    }
    if ($driver.State -eq 'Stopped') {
        return 1062
    }
    # Before the stop: a driver that is stopping cannot be opened and asked.
    $holders = @(Get-DeviceHolder)
    $code = Invoke-ServiceControl @('stop', 'AegisMon')
    if ($code -eq 1061) {
        # It was asked before, by a script that gave up waiting for example.
        Write-Host 'The driver is still stopping.'
        $code = 0
    }
    if ($code -notin 0, 1060, 1062) {
        Stop-WithServiceError 'stop the driver' $code
    }
    if (Wait-ServiceStopped -Seconds 5) {
        return $code
    }
    $who = 'a program that is not known by name'
    if ($holders.Count -gt 0) {
        $who = $holders -join ', '
    }
    Write-Host "Waiting for the last handle to the driver to be closed. It is held by $who."
    if (-not (Wait-ServiceStopped -Seconds 60)) {
        Stop-WithReason ("The driver is still stopping (1061): it is held by $who. Windows unloads it as soon as that is " +
            'closed: end it, with Task Manager for example, and run this script again. After a restart the driver ' +
            'is stopped in any case.')
    }
    $code
}
