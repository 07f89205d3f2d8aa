# Comparing the copies block by block. One host starts it for all.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.drbd;
  facts = import ./facts.nix {
    inherit lib;
    inherit (config.networking) hostName;
  };
  unit = name: "homelab-drbd-${name}-verify";
  verified = lib.filterAttrs (
    _: resource:
    resource.verify != null && facts.isFirst resource && facts.peersWithData resource != [ ]
  ) cfg.resources;

  verify = pkgs.writeShellApplication {
    name = "homelab-drbd-verify";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.drbd
      pkgs.gnugrep
    ];
    text = lib.readFile ./verify.sh;
  };

  # DRBD 9 would also ask the witness, which has nothing to compare, and fail.
  targets =
    name: resource:
    if cfg.version == "9" then
      map (peer: "${name}:${peer}/0") (facts.peersWithData resource)
    else
      [ name ];

  serviceOf = name: resource: {
    description = "Comparison of the copies of the DRBD volume ${name}";
    requires = [ "homelab-drbd-${name}.service" ];
    after = [ "homelab-drbd-${name}.service" ];
    # A deploy neither starts hours of reading nor cuts them short.
    restartIfChanged = false;
    environment.RESOURCE = name;
    serviceConfig = {
      Type = "oneshot";
      ExecStart = "${lib.getExe verify} ${lib.concatStringsSep " " (targets name resource)}";
    };
  };
  timerOf = name: resource: {
    description = "Comparison of the copies of the DRBD volume ${name}";
    wantedBy = [ "timers.target" ];
    timerConfig = {
      OnCalendar = resource.verify;
      Persistent = true; # a host that was off then does it when it is back
    };
  };
  perResource =
    make: lib.mapAttrs' (name: resource: lib.nameValuePair (unit name) (make name resource)) verified;
in
{
  config = lib.mkIf cfg.enable {
    systemd.services = perResource serviceOf;
    systemd.timers = perResource timerOf;
  };
}
