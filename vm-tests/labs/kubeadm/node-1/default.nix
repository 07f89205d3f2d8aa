# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  imports = [
    ../lab.nix
    ./extra.nix
    ./network.nix
    ./storage.nix
  ];

  networking.hostName = "node-1";
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";

  homelab = {
    base.enable = true;

    kubeadm = {
      enable = true;
      cluster = "upstream";
      role = "server";
      version = "1.35";
      interface = "eno1";
      nodeIp = "192.168.17.11";
      servers.node-1 = "192.168.17.11";
      podCidr = "10.42.0.0/16";
      serviceCidr = "10.43.0.0/16";
      clusterDomain = "cluster.local";
      initialize = true;
      endpoint = "192.168.17.11:6443";
      podNetwork = "flannel";
    };
  };
}
