# Where the machine stands: the domain of its name, its time zone and whom it asks for the time.
{ config, lib, ... }:
let
  cfg = config.homelab.base;
in
{
  config = lib.mkIf cfg.enable {
    networking.domain = lib.mkDefault cfg.domain;

    time.timeZone = cfg.timeZone;

    services.timesyncd.enable = lib.mkDefault true; # a host that serves time to others runs chrony instead
    networking.timeServers = lib.mkIf (cfg.ntpServers != [ ]) cfg.ntpServers;
  };
}
