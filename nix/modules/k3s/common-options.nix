# Options that a machine of any Kubernetes cluster has, k3s or kubeadm alike.
{ config, lib }:
let
  inherit (lib) mkOption types;
  address = types.strMatching "[0-9a-fA-F.:]+";
  cidr = types.strMatching "[0-9a-fA-F.:]+/[0-9]+";
in
{
  cluster = mkOption {
    type = types.strMatching "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    example = "home";
    description = "Name of the cluster; the names of its secrets are made from it.";
  };

  role = mkOption {
    type = types.enum [
      "server"
      "agent"
    ];
    default = "server";
    example = "agent";
    description = "Whether this machine is part of the control plane (it runs workloads too) or runs workloads only.";
  };

  initialize = mkOption {
    type = types.bool;
    default = false;
    description = ''
      Whether this machine starts the cluster the others join. One server of a cluster has it. A machine with an empty disk
      looks for another server first and joins it, so installing this one anew does not make a second cluster. A server
      whose disk is lost has to be taken out of the cluster before it comes back: `kubectl delete node` on another one,
      and with kubeadm its etcd member too.
    '';
  };

  nodeName = mkOption {
    type = types.strMatching "[a-z0-9]([-a-z0-9.]*[a-z0-9])?";
    default = config.networking.hostName;
    defaultText = lib.literalExpression "config.networking.hostName";
    example = "k8s-1";
    description = "Name of this machine in the cluster. Changing it later makes a new node and leaves the old one behind.";
  };

  nodeIp = mkOption {
    type = address;
    example = "192.168.10.21";
    description = "Address by which the other machines of the cluster reach this one.";
  };

  interface = mkOption {
    type = types.strMatching "[^ /]{1,15}";
    example = "ens3";
    description = "Interface that carries nodeIp: the cluster's ports are opened and pod traffic leaves there.";
  };

  servers = mkOption {
    type = types.attrsOf address;
    example = {
      k8s-1 = "192.168.10.21";
      k8s-2 = "192.168.10.22";
      k8s-3 = "192.168.10.23";
    };
    description = "Every server of the cluster with its address, this one included. Only they reach each other's etcd.";
  };

  podCidr = mkOption {
    type = cidr;
    default = "10.42.0.0/16";
    example = "10.244.0.0/16";
    description = "Addresses of pods. Fixed when the cluster is made.";
  };

  serviceCidr = mkOption {
    type = cidr;
    default = "10.43.0.0/16";
    example = "10.96.0.0/16";
    description = "Addresses of services. Fixed when the cluster is made.";
  };

  clusterDomain = mkOption {
    type = types.strMatching "[a-z0-9]([-a-z0-9.]*[a-z0-9])?";
    default = "cluster.local";
    example = "k8s.home.arpa";
    description = "DNS domain of services. Fixed when the cluster is made.";
  };

  tlsSans = mkOption {
    type = types.listOf types.nonEmptyStr;
    default = [ ];
    example = [
      "192.168.10.50"
      "k8s.home.arpa"
    ];
    description = "Further addresses and names under which clients reach the API server; its certificate must hold them.";
  };

  labels = mkOption {
    type = types.attrsOf (types.strMatching "([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?");
    default = { };
    example = {
      "topology.kubernetes.io/zone" = "rack-1";
    };
    description = "Labels the node is given when it joins. Later changes are made with `kubectl label node`.";
  };

  taints = mkOption {
    type = types.listOf (
      types.strMatching "[^=: ]+(=[^=: ]*)?:(NoSchedule|PreferNoSchedule|NoExecute)"
    );
    default = [ ];
    example = [ "node-role.kubernetes.io/control-plane:NoSchedule" ];
    description = ''
      Taints the node is given when it joins, as `key=value:Effect` or `key:Effect`. Later changes are made with
      `kubectl taint node`. A server without any takes workloads.
    '';
  };

  registryMirrors = mkOption {
    type = types.attrsOf (types.nonEmptyListOf (types.strMatching "https?://[^ ]+"));
    default = { };
    example = {
      "docker.io" = [ "https://mirror.home.arpa:5000" ];
    };
    description = "Mirrors asked for the images of a registry, in this order, before the registry itself. They need no login.";
  };
}
