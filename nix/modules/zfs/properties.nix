# Options of a pool and properties of its datasets, as ZFS wants them.
{ lib }:
let
  orNone = value: if value == null then "none" else value;
in
{
  pool = pool: { ashift = "12"; } // pool.options; # many SSDs claim 512-byte sectors, and it cannot be changed later

  root =
    { pool, keyFile }:
    import ./defaults.nix
    // pool.properties
    // {
      # The pool itself holds datasets, not files: a file in its root is in nobody's snapshot.
      canmount = "off";
      mountpoint = "none";
    }
    // lib.optionalAttrs pool.encrypted {
      encryption = "aes-256-gcm";
      keyformat = "hex"; # as text, unlike raw: a key that can be kept on paper and typed
      keylocation = "file://${keyFile}";
    };

  dataset =
    dataset:
    dataset.properties
    // {
      # Legacy: fileSystems alone says what is mounted where. Given to ZFS as well, `zfs mount -a` and systemd race for it.
      mountpoint = if dataset.mountpoint == null then "none" else "legacy";
      # Written even when none, so that a limit taken out of the configuration is taken off the dataset.
      quota = orNone dataset.quota;
      reservation = orNone dataset.reservation;
    };
}
