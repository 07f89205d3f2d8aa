# The pod that runs on every node: writes the CNI's configuration, then keeps routes and the VXLAN device.
{ name }:
let
  image = "ghcr.io/flannel-io/flannel:v0.28.9";

  directory = name: path: {
    inherit name;
    hostPath = {
      inherit path;
      type = "DirectoryOrCreate";
    };
  };
  mount = name: mountPath: { inherit name mountPath; };
  fromPod = name: fieldPath: {
    inherit name;
    valueFrom.fieldRef = { inherit fieldPath; };
  };
  probe = path: seconds: {
    httpGet = {
      inherit path;
      port = "healthz";
    };
    periodSeconds = seconds;
  };
in
{
  hostNetwork = true;
  serviceAccountName = name;
  priorityClassName = "system-node-critical";
  nodeSelector."kubernetes.io/os" = "linux";
  # A new node is tainted until it has a pod network.
  tolerations = [ { operator = "Exists"; } ];

  # Not put there by NixOS: it tells the kubelet that pods may start, which is true once flannel runs.
  initContainers = [
    {
      name = "install-cni";
      inherit image;
      command = [ "/opt/bin/install-conf" ];
      args = [
        "/etc/kube-flannel/cni-conf.json"
        "/etc/cni/net.d/10-flannel.conflist"
      ];
      volumeMounts = [
        (mount "cni" "/etc/cni/net.d")
        (mount "configuration" "/etc/kube-flannel")
      ];
    }
  ];

  containers = [
    {
      name = "flanneld";
      inherit image;
      command = [ "/opt/bin/flanneld" ];
      args = [
        "--ip-masq"
        "--kube-subnet-mgr"
        # The address the node registered with. By itself flannel takes the default route's interface, and
        # interface names differ from machine to machine.
        "--iface=$(NODE_ADDRESS)"
        "--healthz-port=8081"
      ];
      env = [
        (fromPod "NODE_ADDRESS" "status.hostIP")
        (fromPod "POD_NAME" "metadata.name")
        (fromPod "POD_NAMESPACE" "metadata.namespace")
      ];
      ports = [
        {
          name = "healthz";
          containerPort = 8081;
        }
      ];
      livenessProbe = probe "/healthz" 30 // {
        initialDelaySeconds = 10;
      };
      readinessProbe = probe "/readyz" 10;
      resources.requests = {
        cpu = "50m";
        memory = "50Mi";
      };
      securityContext.capabilities.add = [
        "NET_ADMIN"
        "NET_RAW"
      ];
      volumeMounts = [
        (mount "run" "/run/flannel")
        (mount "configuration" "/etc/kube-flannel")
        (mount "xtables-lock" "/run/xtables.lock")
      ];
    }
  ];

  volumes = [
    (directory "run" "/run/flannel")
    (directory "cni" "/etc/cni/net.d")
    {
      name = "configuration";
      configMap = { inherit name; };
    }
    {
      name = "xtables-lock";
      hostPath = {
        path = "/run/xtables.lock";
        type = "FileOrCreate";
      };
    }
  ];
}
