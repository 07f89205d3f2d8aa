# Volumes that DRBD keeps identical on several hosts. NixOS's own services.drbd is not used: its unit stops the
# resources as soon as it has started them, and the module it loads is the kernel's 8.4.
{
  imports = [
    ../secrets.nix
    ./assertions.nix
    ./configuration.nix
    ./kernel.nix
    ./options.nix
    ./units.nix
    ./verify.nix
  ];
}
