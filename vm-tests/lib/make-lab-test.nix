# A NixOS VM test of a lab: each machine that `pyhomelab gen` made a directory for becomes a virtual machine of that name.
{ pkgs, disko }:
{
  name,
  lab, # the directory of the inventory and its machines
  cards, # which of the driver's virtual switches a network card is plugged into: { eno1 = 1; }
  machines ? { }, # by name: a further module for a machine
  secrets ? { }, # by name: the text of a secret that the machines need
  testScript,
}:
let
  inherit (pkgs) lib;

  isMachine = entry: type: type == "directory" && builtins.pathExists (lab + "/${entry}/default.nix");
  names = lib.attrNames (lib.filterAttrs isMachine (builtins.readDir lab));
  strangers = lib.subtractLists names (lib.attrNames machines);
in
lib.throwIf (strangers != [ ])
  "vm-tests/${name}.nix: machines.${lib.head strangers} is no machine of ${baseNameOf lab}, which has ${lib.concatStringsSep ", " names}; correct the name"
  (
    pkgs.testers.runNixOSTest {
      inherit name testScript;

      # Generated machines say what platform they are for, and the test framework lets nobody but itself say so.
      node.pkgsReadOnly = false;

      nodes = lib.genAttrs names (machine: {
        imports = [
          ../../nix/modules
          disko.nixosModules.disko
          (lab + "/${machine}")
          (import ./virtual-machine.nix { inherit pkgs cards; })
          (import ./plain-secrets.nix { inherit secrets; })
          (machines.${machine} or { })
        ];
      });
    }
  )
