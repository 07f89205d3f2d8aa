# The container runtime, as the kubelet and a pod network installed later expect it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.kubeadm;
  toml = pkgs.formats.toml { };
  upstream =
    registry: if registry == "docker.io" then "https://registry-1.docker.io" else "https://${registry}";
  hosts = registry: mirrors: {
    server = upstream registry;
    host = lib.genAttrs mirrors (_: {
      capabilities = [
        "pull"
        "resolve"
      ];
    });
  };
in
{
  config = lib.mkIf cfg.enable {
    virtualisation.containerd = {
      enable = true;
      # NixOS writes this file in version 2, with the plugin's name of that time; containerd 2 translates it when it loads
      # it, so the same keys are right for both.
      settings.plugins."io.containerd.grpc.v1.cri" = {
        sandbox_image = cfg.sandboxImage;

        cni = {
          # NixOS points at its store, where no pod network can put a plugin of its own.
          bin_dir = "/opt/cni/bin";
          conf_dir = "/etc/cni/net.d";
        };

        containerd = {
          # NixOS takes the zfs snapshotter wherever ZFS is on. That one wants a dataset of its own mounted in a set place
          # and makes another for every image layer; overlayfs works on ZFS since OpenZFS 2.2.
          snapshotter = "overlayfs";
          runtimes.runc = {
            runtime_type = "io.containerd.runc.v2";
            # The kubelet's driver is systemd; two managers of one cgroup tree lose pods under memory pressure.
            options.SystemdCgroup = true;
          };
        };

        # Read at every pull: a change of mirrors restarts nothing.
        registry.config_path = "/etc/containerd/certs.d";
      };
    };

    environment.etc =
      lib.mapAttrs' (
        registry: mirrors:
        lib.nameValuePair "containerd/certs.d/${registry}/hosts.toml" {
          source = toml.generate "hosts.toml" (hosts registry mirrors);
        }
      ) cfg.registryMirrors
      // {
        # Without it crictl tries four sockets and complains about three.
        "crictl.yaml".text = builtins.toJSON {
          runtime-endpoint = "unix:///run/containerd/containerd.sock";
        };
      };

    environment.systemPackages = [ pkgs.cri-tools ];
  };
}
