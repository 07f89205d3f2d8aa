# Labels under kubernetes.io and k8s.io belong to the cluster. A kubelet told to set one that is not on this list refuses to
# start, so that no node can pass itself off as one it is not.
{ lib }:
labels:
let
  allowed = [
    "beta.kubernetes.io/arch"
    "beta.kubernetes.io/instance-type"
    "beta.kubernetes.io/os"
    "failure-domain.beta.kubernetes.io/region"
    "failure-domain.beta.kubernetes.io/zone"
    "kubernetes.io/arch"
    "kubernetes.io/hostname"
    "kubernetes.io/os"
    "node.kubernetes.io/instance-type"
    "topology.kubernetes.io/region"
    "topology.kubernetes.io/zone"
  ];
  prefix = name: lib.head (lib.splitString "/" name);
  under = domain: name: prefix name == domain || lib.hasSuffix ".${domain}" (prefix name);
  reserved = name: lib.hasInfix "/" name && (under "kubernetes.io" name || under "k8s.io" name);
  free = name: under "node.kubernetes.io" name || under "kubelet.kubernetes.io" name;
in
lib.filter (name: reserved name && !free name && !lib.elem name allowed) (lib.attrNames labels)
