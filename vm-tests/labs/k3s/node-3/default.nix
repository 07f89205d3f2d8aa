# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  imports = [
    ../lab.nix
    ./extra.nix
    ./network.nix
    ./storage.nix
  ];

  networking.hostName = "node-3";
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";

  homelab = {
    base.enable = true;

    k3s = {
      enable = true;
      cluster = "home";
      role = "server";
      version = "1.35";
      interface = "eno1";
      nodeIp = "192.168.16.13";
      servers = {
        node-1 = "192.168.16.11";
        node-2 = "192.168.16.12";
        node-3 = "192.168.16.13";
      };
      podCidr = "10.42.0.0/16";
      serviceCidr = "10.43.0.0/16";
      clusterDomain = "cluster.local";
      joinAddress = "192.168.16.50";
      clusterDns = "10.43.0.10";
      tlsSans = [ "192.168.16.50" ];
      components = [
        "coredns"
        "local-storage"
      ];
    };

    vip = {
      enable = true;
      address = "192.168.16.50";
      prefixLength = 24;
      interface = "eno1";
      routerId = 38;
      priority = 130;
      source = "192.168.16.13";
      peers = [
        "192.168.16.11"
        "192.168.16.12"
      ];
    };
  };
}
