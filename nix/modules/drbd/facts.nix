# What a host can tell from a resource about itself and its peers.
{ lib, hostName }:
let
  byNodeId =
    resource: a: b:
    resource.hosts.${a}.nodeId < resource.hosts.${b}.nodeId;
in
rec {
  # Hosts that hold data, by node id.
  replicas =
    resource:
    lib.sort (byNodeId resource) (
      lib.filter (host: resource.hosts.${host}.disk != null) (lib.attrNames resource.hosts)
    );

  # Things that one host does for all are done by the first that holds data.
  isFirst = resource: lib.take 1 (replicas resource) == [ hostName ];

  peersWithData = resource: lib.remove hostName (replicas resource);

  diskOf = resource: resource.hosts.${hostName}.disk or null;

  # Wanted, not required: the system's own pool was imported in stage 1 and has no such units.
  poolUnits =
    resource:
    lib.optionals (resource.backing != null) (
      let
        pool = lib.head (lib.splitString "/" resource.backing.dataset);
      in
      [
        "zfs-import-${pool}.service"
        "homelab-zfs-datasets-${pool}.service"
      ]
    );
}
