# Resources that cannot work, said before a device is touched.
{ config, lib, ... }:
let
  cfg = config.homelab.drbd;
  hostName = config.networking.hostName;
  facts = import ./facts.nix { inherit lib hostName; };
  at = name: "homelab.drbd.resources.${name} on ${hostName}";
  list = lib.concatStringsSep ", ";

  # Names of those that share a value with another.
  sharing =
    valueOf: attrs:
    lib.concatLists (
      lib.filter (names: lib.length names > 1) (
        lib.attrValues (lib.groupBy (name: toString (valueOf attrs.${name})) (lib.attrNames attrs))
      )
    );
  unique = what: valueOf: attrs: where: {
    assertion = sharing valueOf attrs == [ ];
    message = "${where}: ${list (sharing valueOf attrs)} have the same ${what}; give each its own";
  };

  forBoth = name: resource: [
    {
      assertion = resource.hosts ? ${hostName};
      message = "${at name}: its hosts are ${list (lib.attrNames resource.hosts)}, and this host is none of them; add it to hosts, or take the resource out here";
    }
    {
      assertion = facts.replicas resource != [ ];
      message = "${at name}: no host holds its data; give at least one of its hosts a disk";
    }
    (unique "address" (host: host.address) resource.hosts (at name))
    {
      assertion = resource.allowTwoPrimaries -> resource.protocol == "C";
      message = "${at name}: two primaries need protocol C and it is ${resource.protocol}; set protocol to C, or allowTwoPrimaries to false";
    }
    {
      assertion =
        resource.backing == null || facts.diskOf resource == "/dev/zvol/${resource.backing.dataset}";
      message = "${at name}: the zvol ${
        toString (resource.backing.dataset or "")
      } is made, but the disk of ${hostName} is ${toString (facts.diskOf resource)}; set it to /dev/zvol/${
        toString (resource.backing.dataset or "")
      }, or backing to null";
    }
  ];

  forNine = name: resource: [
    (unique "nodeId" (host: host.nodeId) resource.hosts (at name))
    {
      assertion = resource.quorum == "majority" -> lib.length (lib.attrNames resource.hosts) >= 3;
      message = "${at name}: with two hosts there is no majority when one is away, and the volume stops; add a third host as witness (one without a disk), or set quorum to off";
    }
  ];

  forEight = name: resource: [
    {
      assertion = lib.length (lib.attrNames resource.hosts) <= 2;
      message = "${at name}: DRBD 8.4 knows two hosts and it has ${list (lib.attrNames resource.hosts)}; take some out, or set homelab.drbd.version to \"9\"";
    }
    {
      assertion = lib.length (facts.replicas resource) == lib.length (lib.attrNames resource.hosts);
      message = "${at name}: DRBD 8.4 has no witness; give every host a disk, or set homelab.drbd.version to \"9\"";
    }
    {
      assertion = resource.quorum == "off";
      message = "${at name}: DRBD 8.4 has no quorum; set quorum to off, or homelab.drbd.version to \"9\"";
    }
  ];

  perResource = check: lib.concatLists (lib.mapAttrsToList check cfg.resources);
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      (unique "minor" (resource: resource.minor) cfg.resources "homelab.drbd.resources on ${hostName}")
      (unique "port" (resource: resource.port) cfg.resources "homelab.drbd.resources on ${hostName}")
    ]
    ++ perResource forBoth
    ++ perResource (if cfg.version == "9" then forNine else forEight);
  };
}
