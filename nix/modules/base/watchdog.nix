# A machine that hangs resets itself. Where there is no watchdog device systemd leaves it at a line in the log.
{ config, lib, ... }:
let
  cfg = config.homelab.base;
in
{
  config = lib.mkIf (cfg.enable && cfg.watchdog.enable) {
    systemd.settings.Manager = {
      RuntimeWatchdogSec = cfg.watchdog.timeout;
      # A shutdown can hang as well, on a pool or a DRBD device that will not let go. Units had their time to stop before
      # this clock starts, so guests and databases are not cut short by it.
      RebootWatchdogSec = lib.mkDefault "5min";
    };
  };
}
