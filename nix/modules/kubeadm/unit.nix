# A unit that does its work when the time has come: it may wait for other machines, so nothing waits for it. It starts with
# every boot and every switch, finds out from the disk what is left to do, and is never killed by a switch in the middle.
{ lib }:
description: script: settings:
lib.recursiveUpdate {
  inherit description;
  wantedBy = [ "multi-user.target" ];
  after = [
    "containerd.service"
    "network-online.target"
    "time-sync.target"
  ];
  wants = [
    "containerd.service"
    "network-online.target"
    "time-sync.target"
  ];
  restartIfChanged = false;
  unitConfig.StartLimitIntervalSec = 0;
  serviceConfig = {
    Type = "exec";
    ExecStart = script;
    Restart = "on-failure";
    RestartSec = "30s";
  };
} settings
