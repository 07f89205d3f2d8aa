# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  imports = [
    ../lab.nix
    ./extra.nix
    ./network.nix
    ./storage.nix
  ];

  networking.hostName = "node-2";
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
      nodeIp = "172.20.0.12";
      servers = {
        node-1 = "172.20.0.11";
        node-2 = "172.20.0.12";
        node-3 = "172.20.0.13";
      };
      podCidr = "10.244.0.0/16";
      serviceCidr = "10.96.0.0/16";
      clusterDomain = "cluster.local";
      endpoint = "172.20.0.10:6443";
      tlsSans = [
        "172.20.0.10"
        "kubernetes.home.arpa"
      ];
      podNetwork = "flannel";
      registryMirrors."docker.io" = [ "https://mirror.home.arpa" ];
      extraFlags = [ "--max-pods=60" ];
    };

    vip = {
      enable = true;
      address = "172.20.0.10";
      prefixLength = 22;
      interface = "eno1";
      routerId = 29;
      priority = 140;
      source = "172.20.0.12";
      peers = [
        "172.20.0.11"
        "172.20.0.13"
      ];
    };
  };
}
