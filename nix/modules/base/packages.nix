# What an admin reaches for on a machine that misbehaves, when it may be too broken to fetch anything.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.base;
in
{
  config = lib.mkIf cfg.enable {
    environment.systemPackages = [
      pkgs.ethtool
      pkgs.htop
      pkgs.lsof
      pkgs.pciutils
      pkgs.tcpdump
      pkgs.tmux # a repair must survive a dropped ssh session
    ]
    ++ lib.optionals (cfg.hardware == "metal") [
      pkgs.nvme-cli
      pkgs.smartmontools
    ];
  };
}
