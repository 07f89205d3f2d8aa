# Where k3s looks for images first.
{ config, lib, ... }:
let
  cfg = config.homelab.k3s;
in
{
  # In the store, as nothing in it is secret: mirrors that want a login are not offered. k3s reads it when it starts.
  config = lib.mkIf (cfg.enable && cfg.registryMirrors != { }) {
    environment.etc."rancher/k3s/registries.yaml".text = builtins.toJSON {
      mirrors = lib.mapAttrs (_: endpoints: { endpoint = endpoints; }) cfg.registryMirrors;
    };
    systemd.services.k3s.restartTriggers = [
      config.environment.etc."rancher/k3s/registries.yaml".source
    ];
  };
}
