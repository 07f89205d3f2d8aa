# Where NixOS mounts in stage 1, before secrets and units of the system are there.
[
  "/"
  "/etc"
  "/nix"
  "/nix/store"
  "/usr"
  "/var"
  "/var/lib"
  "/var/lib/nixos"
  "/var/log"
]
