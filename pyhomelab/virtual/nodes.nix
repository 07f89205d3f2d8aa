# Machines of a lab as the nodes of NixOS's test framework: for the tests of this repository, and for `pyhomelab try`.
{
  pkgs,
  disko,
  modules, # the directory of the lab's NixOS modules
  lab, # the directory of the inventory and its machines
  plainSecrets, # see plain-secrets.nix
  machines, # by name: its cards, its memory in MiB, and a further module
}:
builtins.mapAttrs (name: machine: {
  imports = [
    modules
    disko.nixosModules.disko
    (lab + "/${name}")
    (import ./virtual-machine.nix {
      inherit pkgs;
      inherit (machine) cards memory;
    })
    (import ./plain-secrets.nix plainSecrets)
    machine.module
  ];
}) machines
