# The driver that boots a user's lab in virtual machines and leaves them up. `pyhomelab try` builds and runs it.
{
  pkgs,
  disko,
  root, # of the lab's flake
  directory, # of the inventory, below the root
  machines, # by name: its cards, its memory in MiB, and the port of this computer that leads to its ssh
}:
let
  inherit (pkgs) lib;
  python = name: lib.replaceStrings [ "-" ] [ "_" ] name;

  # Only the form of a secret counts: nobody outside of these machines knows or needs it.
  invent =
    name:
    if lib.hasPrefix "kubeadm-" name && lib.hasSuffix "-token" name then
      "abcdef.0123456789abcdef"
    else
      lib.concatStrings (lib.genList (_: "0") 64);

  test = pkgs.testers.runNixOSTest {
    name = "try";
    node.pkgsReadOnly = false;
    globalTimeout = 366 * 24 * 3600;

    nodes = import ./nodes.nix {
      inherit pkgs disko;
      modules = root + "/nix/modules";
      lab = root + "/${directory}";
      plainSecrets = { inherit invent; };
      machines = lib.mapAttrs (
        _: machine: machine // { module = import ./reachable.nix { inherit (machine) port; }; }
      ) machines;
    };

    # A machine with pools gets them as at an installation, and boots again.
    testScript = ''
      hosts = [${lib.concatMapStringsSep ", " python (lib.attrNames machines)}]
      start_all()
      for host in hosts:
          host.wait_for_unit("sshd.service")
          if host.execute("test -e /etc/homelab/make-pools")[0] == 0:
              host.wait_for_unit("multi-user.target")
              host.succeed("/etc/homelab/make-pools", "sync")
              host.shutdown()
              host.start()
              host.wait_for_unit("sshd.service")
          print(f"{host.name} is up", flush=True)
      join_all()
    '';
  };
in
test.driver
