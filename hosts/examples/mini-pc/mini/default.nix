# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  imports = [
    ../lab.nix
    ./extra.nix
    ./network.nix
    ./storage.nix
  ];

  networking.hostName = "mini";
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";

  homelab = {
    base.enable = true;

    k3s = {
      enable = true;
      cluster = "mini";
      role = "server";
      version = "1.35";
      interface = "enp2s0";
      nodeIp = "192.168.178.10";
      servers.mini = "192.168.178.10";
      podCidr = "10.42.0.0/16";
      serviceCidr = "10.43.0.0/16";
      clusterDomain = "cluster.local";
      clusterDns = "10.43.0.10";
      components = [
        "coredns"
        "traefik"
        "servicelb"
        "local-storage"
      ];
    };
  };
}
