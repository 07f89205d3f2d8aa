# flannel's objects in Kubernetes. Its CNI plugin needs none, it is on every machine already: see ../kubelet.nix.
{ podCidr }:
let
  name = "flannel";
  namespace = "kube-flannel";
  labels.app = name;

  object =
    apiVersion: kind: content:
    { inherit apiVersion kind; } // content;
  named = extra: {
    metadata = {
      inherit name labels;
    }
    // extra;
  };
  rule = resources: verbs: {
    apiGroups = [ "" ];
    inherit resources verbs;
  };
in
[
  (object "v1" "Namespace" {
    metadata = {
      name = namespace;
      # It works on the host's network; a stricter default for new namespaces must not keep it out.
      labels = labels // {
        "pod-security.kubernetes.io/enforce" = "privileged";
      };
    };
  })

  (object "v1" "ServiceAccount" (named {
    inherit namespace;
  }))

  (object "rbac.authorization.k8s.io/v1" "ClusterRole" (
    named { }
    // {
      rules = [
        (rule [ "pods" ] [ "get" ])
        (rule [ "nodes" ] [ "get" "list" "watch" ])
        (rule [ "nodes/status" ] [ "patch" ])
      ];
    }
  ))

  (object "rbac.authorization.k8s.io/v1" "ClusterRoleBinding" (
    named { }
    // {
      roleRef = {
        apiGroup = "rbac.authorization.k8s.io";
        kind = "ClusterRole";
        inherit name;
      };
      subjects = [
        {
          kind = "ServiceAccount";
          inherit name namespace;
        }
      ];
    }
  ))

  (object "v1" "ConfigMap" (
    named { inherit namespace; }
    // {
      data = {
        "cni-conf.json" = builtins.toJSON {
          name = "cbr0";
          cniVersion = "0.3.1";
          plugins = [
            {
              type = "flannel";
              delegate = {
                # A pod that asks its own service may be answered by itself.
                hairpinMode = true;
                isDefaultGateway = true;
              };
            }
            {
              type = "portmap";
              capabilities.portMappings = true;
            }
          ];
        };
        "net-conf.json" = builtins.toJSON {
          Network = podCidr;
          Backend.Type = "vxlan";
        };
      };
    }
  ))

  (object "apps/v1" "DaemonSet" (
    named { inherit namespace; }
    // {
      spec = {
        selector.matchLabels = labels;
        template = {
          metadata = { inherit labels; };
          spec = import ./pod.nix { inherit name; };
        };
      };
    }
  ))
]
