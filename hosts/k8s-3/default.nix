# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  imports = [
    ../lab.nix
    ./extra.nix
  ];

  networking.hostName = "k8s-3";
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";

  homelab = {
    base = {
      enable = true;
      hardware = "kvm-guest";
    };

    k3s = {
      enable = true;
      cluster = "home";
      role = "server";
      version = "1.35";
      interface = "lan";
      nodeIp = "192.168.10.23";
      servers = {
        k8s-1 = "192.168.10.21";
        k8s-2 = "192.168.10.22";
        k8s-3 = "192.168.10.23";
      };
      podCidr = "10.42.0.0/16";
      serviceCidr = "10.43.0.0/16";
      clusterDomain = "cluster.local";
      joinAddress = "192.168.10.50";
      clusterDns = "10.43.0.10";
      tlsSans = [ "192.168.10.50" ];
      components = [
        "coredns"
        "metrics-server"
        "local-storage"
      ];
    };

    vip = {
      enable = true;
      address = "192.168.10.50";
      prefixLength = 24;
      interface = "lan";
      routerId = 38;
      priority = 130;
      source = "192.168.10.23";
      peers = [
        "192.168.10.21"
        "192.168.10.22"
      ];
    };

    network = {
      enable = true;
      links.lan.mac = "52:54:00:68:0a:e1";
      interfaces.lan = {
        network = "lan";
        addresses = [ "192.168.10.23/24" ];
        gateway = "192.168.10.1";
        dns = [ "192.168.10.1" ];
      };
    };

    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/virtio-root";
      firmware = "uefi";
      filesystem = "ext4";
    };
  };
}
