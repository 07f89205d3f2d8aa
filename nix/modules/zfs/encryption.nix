# Keys of encrypted pools. NixOS's import unit loads them: the pools' keylocation names the decrypted secret, which the
# activation at the start of stage 2 has put there.
{ config, lib, ... }:
let
  cfg = config.homelab.zfs;
  host = config.networking.hostName;
  encrypted = lib.filterAttrs (_: pool: pool.encrypted) cfg.pools;
  needed = import ./needed-for-boot.nix;

  perPool =
    name: pool:
    [
      {
        assertion = !(config.sops.useSystemdActivation or false);
        message = "homelab.zfs on ${host}: the key of pool ${name} would be decrypted after the pool is imported, because sops.useSystemdActivation is on; turn it off, or set homelab.zfs.pools.${name}.encrypted to false";
      }
    ]
    ++ lib.mapAttrsToList (dataset: value: {
      assertion = !lib.elem value.mountpoint needed;
      message = "homelab.zfs on ${host}: ${name}/${dataset} is mounted on ${toString value.mountpoint} before the key of its encrypted pool can be read; mount it elsewhere, or put it on a pool without encryption";
    }) pool.datasets;
in
{
  config = lib.mkIf cfg.enable {
    assertions = lib.concatLists (lib.mapAttrsToList perPool encrypted);

    homelab.secrets.needed = lib.mapAttrs' (
      name: _:
      lib.nameValuePair "zfs-${host}-${name}" {
        usedFor = "the key of the encrypted pool ${name}";
      }
    ) encrypted;
  };
}
