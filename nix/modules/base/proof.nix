# A system that was booted for the first time is proven by somebody who reaches it, or the machine goes back by itself.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.base;
  directory = "/var/lib/pyhomelab/proof";
in
{
  config = lib.mkIf cfg.enable {
    # An initrd that does not find its root waits for somebody at the keyboard, a systemd that crashes for ever. A restart is
    # better, and brings the system before: the boot loader starts one that is not proven only once.
    boot.kernelParams = [
      "boot.panic_on_fail"
      "systemd.crash_action=reboot"
    ];

    systemd.services.pyhomelab-proof = {
      description = "Prove the booted system, or go back to the one before";
      # As early as the script can be read: what hangs later, or takes all else into emergency mode, is a reason to go back.
      wantedBy = [ "sysinit.target" ];
      after = [ "local-fs.target" ];
      conflicts = [ "shutdown.target" ];
      before = [ "shutdown.target" ];
      unitConfig = {
        DefaultDependencies = false;
        ConditionPathExists = "${directory}/order";
        IgnoreOnIsolate = true;
        RefuseManualStop = true;
        StartLimitIntervalSec = 0;
        X-StopOnRemoval = false;
      };
      # No switch ends it, whatever that brings: it would take the way back along.
      restartIfChanged = false;
      stopIfChanged = false;
      serviceConfig = {
        # It lies there with the order, from who gave it; this system knows only where.
        ExecStart = "${pkgs.runtimeShell} ${directory}/proof.sh ${directory}";
        Restart = "on-failure";
        RestartSec = 1;
        OOMPolicy = "continue";
        OOMScoreAdjust = -900;
      };
    };
  };
}
