# Virtual machines of this host: libvirt, the kernel under it, and each guest as one systemd unit.
{
  imports = [
    ./options.nix
    ./assertions.nix
    ./guests.nix
    ./host.nix
    ./libvirtd.nix
  ];
}
