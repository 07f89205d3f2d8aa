# A NixOS VM test of a lab: each machine that `pyhomelab gen` made a directory for becomes a virtual machine of that name.
{ pkgs, disko }:
{
  name,
  lab, # the directory of the inventory and its machines
  cards, # which of the driver's virtual switches a network card is plugged into: { eno1 = 1; }
  boots ? null, # the machines that are started, if not all: guests of a host boot in it or not at all
  memory ? 1024, # MiB of each machine
  machines ? { }, # by name: a further module for a machine
  secrets ? { }, # by name: the text of a secret that the machines need
  globalTimeout ? 3600, # seconds
  testScript,
}:
let
  inherit (pkgs) lib;

  isMachine = entry: type: type == "directory" && builtins.pathExists (lab + "/${entry}/default.nix");
  known = lib.attrNames (lib.filterAttrs isMachine (builtins.readDir lab));
  names = if boots == null then known else boots;
  strangers = lib.subtractLists known (names ++ lib.attrNames machines);

  # A string of JSON is one of Python too.
  checks = builtins.toJSON (lib.readFile (lab + "/checks.json"));
  steps = lib.replaceStrings [ ''json.loads("{}")'' ] [ "json.loads(${checks})" ] (
    lib.readFile ./steps.py
  );
in
lib.throwIf (strangers != [ ])
  "vm-tests/${name}.nix: ${lib.head strangers} is no machine of ${baseNameOf lab}, which has ${lib.concatStringsSep ", " known}; correct the name"
  (
    pkgs.testers.runNixOSTest {
      inherit name globalTimeout;
      testScript = steps + "\n\n" + testScript;

      # Generated machines say what platform they are for, and the test framework lets nobody but itself say so.
      node.pkgsReadOnly = false;

      nodes = import ../../pyhomelab/virtual/nodes.nix {
        inherit pkgs disko lab;
        modules = ../../nix/modules;
        plainSecrets = { inherit secrets; };
        machines = lib.genAttrs names (machine: {
          inherit cards memory;
          module = machines.${machine} or { };
        });
      };
    }
  )
