"""Labs made by chance, with every key of an inventory: most are without a mistake, and a seed always makes the same one."""

from __future__ import annotations

from ipaddress import ip_network
from random import Random
from typing import Any

from tests.labs import KEY

Part = dict[str, Any]

_LAYOUTS = {
    "stripe": 1, "mirror": 2, "raidz1": 3, "raidz2": 4, "raidz3": 5, "draid1": 4, "draid2": 5, "draid3": 6,
}  # fmt: skip
_CALENDARS = ["hourly", "daily", "Sun 03:00", "*-*-01 02:30", "*:0/15", None]
_BOND_MODES = ["802.3ad", "active-backup", "balance-rr", "balance-xor", "balance-alb", "balance-tlb", "broadcast"]
_CHECKS = {
    "unit": {"unit": "sshd.service"},
    "port": {"tcp": "[::1]:22", "timeout": "90s"},
    "page": {"http": "https://localhost/?a='b'&c=$d", "status": "404"},
    "command": {"command": "test -n \"$HOME\" # '$(true)' `true` \\"},
}
_AGE_KEY = "age1yt3tfqlfrwdwx0z0ynwplcr6qxcxfaqycuprpmy89nr83ltx74tqdpszlw"
_COMPONENTS = ["coredns", "metrics-server", "traefik", "servicelb", "local-storage"]


class RandomLab:
    """One lab, built network by network and host by host; `data` is the inventory as a file would hold it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - no secret is made of it
        self.used: dict[str, int] = {}
        self.fixed: dict[str, list[str]] = {}
        self.bridged: dict[str, list[str]] = {}
        self.data: Part = {"lab": self._lab()}
        self.data["networks"] = {
            f"{self._pick(['lan', 'n', 'iot-'])}{i}": self._network(i) for i in range(self._upto(3) + 1)
        }
        self.data["hosts"] = {f"h{i}": self._host(f"h{i}") for i in range(self._upto(3) + 1)}
        self._replicate()
        self.data["volumes"] = dict(self._volumes())
        self.data["guests"] = dict(self._guests())
        self.data["clusters"] = dict(self._clusters())
        self.data["secrets"] = dict(self._secrets())
        if self._chance(0.6):
            self._tempt()

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _upto(self, most: int) -> int:
        return self.random.randint(0, most)

    def _pick(self, choices: Any) -> Any:
        return self.random.choice(list(choices))

    def _some(self, choices: Any) -> list[Any]:
        choices = list(choices)
        return self.random.sample(choices, self._upto(len(choices)))

    def _maybe(self, share: float = 0.3, **keys: Any) -> Part:
        """Give each key or leave it out."""
        return {key: value for key, value in keys.items() if self._chance(share)}

    def _lab(self) -> Part:
        admins = [
            {"name": name, "ssh_keys": [KEY, f"{KEY} ${{x}} '\"\\ ü"][: 1 + self._upto(1)]}
            for name in ("mika", "o-ren")
        ]
        overcommit = self._maybe(0.5, memory="3", cpu="8.5", disk="20")
        return {"name": "home", "state_version": "26.05", "admins": admins[: 1 + self._upto(1)]} | self._maybe(
            domain="lab.example.org",
            timezone="Europe/Lisbon",
            ntp=["time.cloudflare.com", "192.168.10.1"],
            email="ops@example.org",
            overcommit=overcommit,
            drbd_version=self._pick(["9", "8.4"]),
        )

    def _network(self, index: int) -> Part:
        six = self._chance(0.25)
        cidr = f"fd00:{index}::/64" if six else f"10.{index}.0.0/{self._pick([22, 24])}"
        gateway = str(ip_network(cidr)[1])
        firewall = self._maybe(0.5, trusted=True, tcp=["80", "443"], udp=["53"])
        return {"cidr": cidr, "vlan": str(index + 10)} | self._maybe(
            mtu=self._pick(["1280", "9000"]),
            gateway=gateway,
            dns=[gateway, "2620:fe::fe" if six else "9.9.9.9"],
            firewall=firewall,
        )

    def _address(self, machine: str, network: str, *, dhcp: float = 0.1) -> str:
        if self._chance(dhcp):
            return "dhcp"
        self.used[network] = self.used.get(network, 9) + 1
        self.fixed.setdefault(machine, []).append(network)
        return str(ip_network(self.data["networks"][network]["cidr"])[self.used[network]])

    def _mac(self) -> str:
        return "02:" + ":".join(f"{self._upto(255):02x}" for _ in range(5))

    def _disk(self, prefix: str) -> str:
        return f"/dev/disk/by-id/ata-{prefix}_{self.random.getrandbits(48):x}"

    def _disks(self, prefix: str, count: int) -> list[str]:
        return [self._disk(prefix) for _ in range(count)]

    def _host(self, name: str) -> Part:
        arm = self._chance(0.08)
        boot = {"disk": self._disk("SYS"), "firmware": "uefi" if arm else self._pick(["bios", "uefi"])}
        boot |= self._maybe(filesystem="zfs", swap="2GiB", disk_size="600GiB")
        pools = ["tank", self._pick(["fast.pool", "a_b-c", "X"])][: self._upto(2)]
        own = {
            "system": "aarch64-linux" if arm else "x86_64-linux",
            "cpu_threads": str(self._pick([4, 16, 64])),
            "memory": self._pick(["16GiB", "48GiB", "128GiB"]),
            "boot": boot,
            "links": self._links(name),
            "zfs": {pool: self._pool(name, pool) for pool in pools},
        }
        if not arm and self._chance(0.7):
            own["kvm"] = self._kvm()
        return own | self._maybe(
            0.2,
            tags=["rack", "old"],
            reserved_memory="2GiB",
            host_id=f"{self.random.getrandbits(31) + 1:08x}",
            kernel=self._pick(["6.12", "6.18"]),
            zfs_arc_max="1GiB",
            zfs_scrub=self._pick(_CALENDARS),
            zfs_trim=self._pick(_CALENDARS),
            overcommit={"cpu": "16"},
            ssh={"address": "192.0.2.7", "user": "mika", "port": "2222", "jump": "bastion"},
            checks=_CHECKS,
        )

    def _links(self, host: str) -> Part:
        """Share the lab's networks out over the host's links, each alone or tagged beside another."""
        links: Part = {}
        networks = list(self.data["networks"])
        while networks:
            name = f"{self._pick(['eno', 'enp3s0f', 'lan'])}{len(links)}"
            network, *rest = networks
            taken = rest[: self._upto(len(rest))] if self._chance(0.6) else []
            networks = rest[len(taken) :]
            link: Part = {"vlans": {other: self._attached(host, other) for other in taken}}
            if not taken or self._chance(0.9):
                link |= (
                    {"network": network} | self._attached(host, network) | self._maybe(tagged=self._pick([True, False]))
                )
            if self._chance(0.3):
                name = f"bond{len(links)}"
                link["bond"] = {"members": [f"ens{len(links)}{i}" for i in range(1 + self._upto(2))]}
                link["bond"] |= self._maybe(0.5, mode=self._pick(_BOND_MODES))
            elif self._chance(0.3):
                link["mac"] = self._mac()
            links[name] = link
        if not any("address" in part for link in links.values() for part in (link, *link["vlans"].values())):
            first = next(iter(links.values()))
            network = first.get("network") or next(iter(first["vlans"]))
            (first if "network" in first else first["vlans"][network])["address"] = self._address(host, network)
        return links | self._maybe(0.1, idle0={}, spare0={"bridge": "br-inner"})

    def _attached(self, host: str, network: str) -> Part:
        part: Part = {}
        if self._chance(0.85):
            part["address"] = self._address(host, network)
            first = network == next(iter(self.data["networks"]))
            part["default_route"] = first and self._chance(0.9)
        if self._chance(0.6):
            part["bridge"] = f"br-{network}"
            self.bridged.setdefault(host, []).append(network)
        return part

    def _kvm(self) -> Part:
        kvm = self._maybe(nested=True, iommu=True, cpu_model=self._pick(["host-model", "EPYC-Rome"]))
        if kvm.get("iommu"):
            kvm |= self._maybe(0.5, vfio=["10de:1eb8", "10de:10f8"])
        if kvm or self._chance(0.5):
            kvm["cpu"] = self._pick(["intel", "amd"])
        pages = {"size": self._pick(["2MiB", "1GiB"]), "total": "4GiB"}
        return kvm | self._maybe(hugepages=pages)

    def _pool(self, host: str, name: str) -> Part:
        layout = self._pick(_LAYOUTS)
        count = _LAYOUTS[layout] + self._upto(2)
        pool: Part
        if self._chance(0.5):
            pool = {"layout": layout, "disks": self._disks("D", count)}
        else:
            pool = {"vdevs": [{"layout": layout, "disks": self._disks("V", count)} for _ in range(1 + self._upto(2))]}
        support = [{"disks": self._disks("S", 2)}, {"layout": "mirror", "disks": self._disks("S", 3)}]
        return (
            pool
            | {"disk_size": "8TiB", "datasets": dict(self._datasets(host, name))}
            | self._maybe(
                0.2,
                special=support[: 1 + self._upto(1)],
                log=[{"layout": "stripe", "disks": self._disks("L", 1)}],
                cache=self._disks("C", 1 + self._upto(1)),
                spares=self._disks("H", 2),
                ashift=self._pick(["9", "13"]),
                properties={"compression": "lz4", "lab:note": "${x} '\"\\ ü", "atime": "off"},
                encrypted=True,
            )
        )

    def _datasets(self, host: str, pool: str) -> Any:
        for name in self._some(["vms", "media/films", "a:b.c_d", "backup", "pvc/deep/er"]):
            place = self._pick([f"/srv/{host}/{pool}/{name.replace(':', '-')}", "none", None])
            yield (
                name,
                {"mountpoint": place}
                | self._maybe(
                    0.4,
                    properties={"recordsize": "1M", "lab:who": 'it\'s "me"'},
                    quota=self._pick(["100GiB", "1.5TiB"]),
                    reservation="10GiB",
                    snapshots=self._maybe(0.5, hourly="48", daily="0", weekly="8", monthly="12", yearly="2"),
                ),
            )

    def _replicate(self) -> None:
        """Send datasets that have snapshots to another host's pools."""
        hosts = self.data["hosts"]
        for name, host in hosts.items():
            for pool_name, pool in host["zfs"].items():
                for dataset_name, dataset in pool["datasets"].items():
                    others = [other for other in hosts if other != name and hosts[other]["zfs"]]
                    if "snapshots" not in dataset or not others or self._chance(0.4):
                        continue
                    receiver = self._pick(others)
                    common = set(self.fixed.get(name, [])) & set(self.fixed.get(receiver, []))
                    dataset["replicate"] = {"host": receiver, "pool": self._pick(hosts[receiver]["zfs"])} | self._maybe(
                        dataset=f"in/{name}-{pool_name}-{dataset_name.replace('/', '-')}",
                        every=self._pick(_CALENDARS[:-1]),
                        **({"network": self._pick(sorted(common))} if common else {}),
                    )

    def _volumes(self) -> Any:
        hosts = self.data["hosts"]
        for index in range(self._upto(3)):
            network = self._pick(self.data["networks"])
            members = [name for name in hosts if network in self.fixed.get(name, [])]
            able = [name for name in members if "tank" in hosts[name]["zfs"]]
            if len(able) < 2:
                continue
            replicas = self.random.sample(able, self.random.randint(2, min(3, len(able))))
            votes = [name for name in members if name not in replicas]
            volume: Part = {"size": "20GiB", "on": "tank", "replicas": replicas, "network": network}
            if len(replicas) == 2 and votes and self.data["lab"].get("drbd_version") != "8.4":
                volume["witness"] = self._pick(votes)
            elif len(replicas) == 2:
                volume["quorum"] = "off"
            yield (
                f"v{index}",
                volume
                | self._maybe(
                    protocol=self._pick("ABC"),
                    on_no_quorum=self._pick(["io-error", "suspend-io"]),
                    rate="100MiB",
                    verify=self._pick(_CALENDARS),
                    dual_primary=self._chance(0.5),
                    minor=str(self._upto(999)),
                ),
            )

    def _guests(self) -> Any:
        volumes = dict(self.data["volumes"])
        hosts = [name for name, host in self.data["hosts"].items() if "kvm" in host and self.bridged.get(name)]
        for index in range(self._upto(5) if hosts else 0):
            name, on = f"g{index}", self._pick(hosts)
            disks = self._guest_disks(name, on)
            free = [volume for volume in volumes if on in volumes[volume]["replicas"]]
            where = on
            if free and self._chance(0.6):
                volume = self._pick(free)
                del volumes[volume]
                if self._chance(0.6):
                    disks, where = {"root": {"volume": volume}}, "anywhere"
                else:
                    disks["drbd"] = {"volume": volume}
            yield name, self._guest(name, on, where, disks)

    def _guest_disks(self, name: str, on: str) -> Part:
        kinds: list[Part] = [
            {"size": "4GiB", "file": f"/var/lib/images/{name}-{i}{self._pick(['.qcow2', '.raw'])}"} for i in (1, 2)
        ]
        kinds += [{"size": "6GiB", "on": pool} for pool in self.data["hosts"][on]["zfs"]]
        names = ["root", "data", "a" * 19]
        chosen = self.random.sample(kinds, 1 + self._upto(min(len(kinds), 3) - 1))
        return dict(zip(names, chosen, strict=False))

    def _guest(self, name: str, on: str, where: str, disks: Part) -> Part:
        networks = self.random.sample(self.bridged[on], 1 + self._upto(len(self.bridged[on]) - 1))
        links = {}
        for index, network in enumerate(networks):
            address = {"address": self._address(name, network)} if index == 0 or self._chance(0.7) else {}
            links[network] = address | {"default_route": index == 0} | self._maybe(mac=self._mac())
        alone = list(disks) == ["root"] and self._chance(0.5)
        guest = {
            "on": where,
            "cpus": str(1 + self._upto(3)),
            "memory": self._pick(["2GiB", "1536MiB"]),
            "links": links,
            **({"disk": disks["root"]} if alone else {"disks": disks}),
        }
        kvm = self.data["hosts"][on]["kvm"]
        if kvm.get("iommu") and where != "anywhere" and self._chance(0.4):
            guest["pci"] = [f"0000:0{self._upto(9)}:00.{self._upto(7)}"]
        if "hugepages" in kvm and self._chance(0.4):
            guest |= {"hugepages": True, "memory": "2GiB"}
        return guest | self._maybe(
            0.2,
            tags=["a"],
            filesystem="zfs",
            swap="1GiB",
            kernel="6.12",
            firmware=self._pick(["bios", "uefi"]),
            autostart=self._chance(0.5),
            cpu_model="host-model",
            anti_affinity=self._some(["db", "web"]),
            checks=_CHECKS,
        )

    def _secrets(self) -> Any:
        if self._chance(0.5):
            self.data["lab"]["admins"][0]["age_keys"] = [_AGE_KEY]
        for index in range(self._upto(2)):
            machines = self._some([*self.data["hosts"], *self.data["guests"]]) or ["h0"]
            more = self._maybe(0.5, owner="nobody", group="nogroup", mode="0440", restart_units=["sshd.service"])
            yield f"own_{index}-x", {"machines": machines, "used_for": "a \"test\" of ${x} ''"} | more

    def _clusters(self) -> Any:
        left = {name: list(networks) for name, networks in self.fixed.items()}
        for index in range(self._upto(2)):
            network = self._pick(self.data["networks"])
            able = [name for name in left if network in left[name]]
            if not able:
                continue
            servers = self.random.sample(able, self._pick([n for n in (1, 3, 5) if n <= len(able)]))
            agents = self._some([name for name in able if name not in servers])
            for member in (*servers, *agents):
                del left[member]
            yield f"c{index}", self._cluster(index, network, servers, agents)

    def _cluster(self, index: int, network: str, servers: list[str], agents: list[str]) -> Part:
        six = ":" in self.data["networks"][network]["cidr"]
        kubeadm = self._chance(0.4)
        cluster: Part = {"distribution": "kubeadm" if kubeadm else "k3s", "servers": servers, "agents": agents}
        if six:
            cluster |= {"pod_cidr": f"fd42:{index}::/56", "service_cidr": f"fd43:{index}::/112"}
        else:
            cluster |= self._maybe(pod_cidr="172.20.0.0/16", service_cidr="172.21.0.0/16")
        if kubeadm:
            cluster |= {"version": "1.35", "pod_network": "none" if six else self._pick(["flannel", "none"])}
            cluster |= self._maybe(extra_flags=["--max-pods=60"])
        else:
            cluster |= {"version": self._pick(["1.34", "1.35", "1.36"])}
            cluster |= self._maybe(
                components=self._some(_COMPONENTS), pod_network="none", extra_flags=["--v=2", "--debug"]
            )
        if self._chance(0.5):
            cluster["vip"] = self._address("", network, dhcp=0)
        members = [*servers, *agents]
        return (
            cluster
            | ({"network": network} if "vip" not in cluster or self._chance(0.5) else {})
            | self._maybe(
                cluster_domain="k8s.home.arpa",
                labels={
                    self._pick(members): {"disk": "", "example.org/tier": "a_b.c", "topology.kubernetes.io/zone": "r1"}
                },
                taints={self._pick(members): ["dedicated=storage:NoSchedule", "x.org/y:NoExecute"]},
                registry_mirrors={"docker.io": ["https://m.home.arpa:5000/${x}"], "*": ["http://cache"]},
                tls_names=["kubernetes.home.arpa"],
            )
        )

    def _tempt(self) -> None:
        """Write something that only looks right, or looks wrong and is not."""
        hosts, guests, clusters = (list(self.data[section].values()) for section in ("hosts", "guests", "clusters"))
        host = self._pick(hosts)
        pools = list(host["zfs"].values())
        datasets = [dataset for pool in pools for dataset in pool["datasets"].values()]
        wishes = [
            (
                host["links"],
                self._pick(["eth0", "bond9", "br0", "eno7.7", "7eno", "all"]),
                self._pick([{}, {"mac": self._mac()}]),
            ),
            (host["zfs"], self._pick("abc") * self._pick([25, 30]), {"layout": "stripe", "disks": self._disks("T", 2)}),
            (host, "zfs_arc_max", self._pick(["32MiB", "64MiB", "2GiB"])),
            (host, "system", "aarch64-linux"),
            (host["boot"], "swap", "700GiB"),
            (
                self.data["lab"]["admins"][0],
                "name",
                self._pick(["root", "syncoid-receiver", "systemd-network", "wheel"]),
            ),
            (self.data["networks"], self._pick(["all", "default", "br-1"]), {"cidr": "10.99.0.0/24"}),
        ]
        places = ["/d1", "/srv/deep/er/", "/var/lib", "/var/log", "/home", "/etc", "/run/x", "/srv/../etc"]
        names = ["in", "in/deep", "tank/a"]
        for dataset in datasets:
            wishes += [(dataset, "mountpoint", self._pick(places)), (dataset, "snapshots", {"daily": "0"})]
            wishes += [(dataset["replicate"], "dataset", self._pick(names)) for _ in dataset.keys() & {"replicate"}]
        for guest in guests:
            many = {f"d{i}": {"size": "1GiB", "file": f"/var/lib/many/{i}.raw"} for i in range(self._pick([25, 27]))}
            wishes += [(guest, "hugepages", True), (guest, "memory", "1025MiB"), (guest, "disks", many)]
        for cluster in clusters:
            label = self._pick(["k8s.io/x", "node.kubernetes.io/x", "kubernetes.io/hostname", "a.kubernetes.io/b"])
            flag = self._pick(["--", "--x", "--X=1", "--x y", "--x=y", "--a b=c", "-v", "--=x"])
            wishes += [
                (cluster, "labels", {cluster["servers"][0]: {label: "x"}}),
                (cluster, "extra_flags", [flag]),
                (cluster, "registry_mirrors", {"docker.io": []}),
                (cluster, "pod_network", "flannel"),
            ]
        part, key, value = self._pick(wishes)
        part[key] = value
