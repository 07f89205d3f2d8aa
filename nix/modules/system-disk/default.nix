# The disk a machine boots from: partitions, file systems and boot loader for each kind of firmware.
{
  imports = [
    ../zfs
    ./boot.nix
    ./options.nix
    ./partitions.nix
    ./root-pool.nix
  ];
}
