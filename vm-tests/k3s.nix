# Three servers of k3s: one dies, and the API stays where it was; a pod keeps its volume.
let
  server =
    { config, ... }:
    {
      virtualisation = {
        cores = 2;
        diskSize = 8192;
      };
      # There is no registry to ask: k3s brings its own images along.
      services.k3s.images = [ config.services.k3s.package.airgap-images ];
    };
in
{
  lab = ./labs/k3s;
  cards.eno1 = 1;
  memory = 3072;
  globalTimeout = 7200;
  machines = {
    node-1 = server;
    node-2 = server;
    node-3 = server;
  };
  secrets = {
    k3s-home-token = "not-a-secret";
    k3s-home-agent-token = "not-a-secret-either";
  };

  testScript = ''
    kubectl = "k3s kubectl"
    vip = "192.168.16.50"


    def apply(*parts: dict[str, typing.Any]) -> None:
        """Hand manifests to the cluster, by a server that does not fail in what follows."""
        manifest = shlex.quote(json.dumps({"apiVersion": "v1", "kind": "List", "items": parts}))
        others[0].succeed(f"echo {manifest} | {kubectl} apply -f -")
        others[0].succeed(f"{kubectl} wait --for=condition=Ready pod/keeper --timeout=600s")


    def holds_the_vip(host: Booted) -> bool:
        return f" {vip}/" in host.succeed("ip -4 -brief address show dev eno1")


    servers = (node_1, node_2, node_3)
    start_all()
    for host in servers:
        host.wait_for_unit("k3s.service")

    with subtest("three servers make one cluster, and each has a vote"):
        for host in servers:
            verify(host)
        nodes = node_2.succeed(f"{kubectl} get nodes -o name").split()
        assert sorted(nodes) == ["node/node-1", "node/node-2", "node/node-3"], nodes

    with subtest("one of them has the shared address"):
        holders = [host for host in servers if holds_the_vip(host)]
        assert len(holders) == 1, [host.name for host in holders]

    holder = holders[0]
    others = [host for host in servers if host is not holder]
    image = others[0].succeed("k3s ctr images list -q | grep busybox | head -n 1").strip()
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "kept"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "keeper"},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": others[0].name},
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "keeper",
                    "image": image,
                    "imagePullPolicy": "Never",
                    "command": ["sleep", "1000000"],
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                }
            ],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "kept"}}],
        },
    }

    with subtest("a pod finds in its volume what the pod before it has written"):
        apply(claim, pod)
        others[0].succeed(f"{kubectl} exec keeper -- sh -c 'echo kept > /data/file && sync'")
        others[0].succeed(f"{kubectl} delete pod keeper")
        apply(pod)
        assert others[0].succeed(f"{kubectl} exec keeper -- cat /data/file") == "kept\n"

    with subtest("the server that has the address dies, and the API answers at the same address"):
        holder.crash()
        for host in others:
            verify(host, "k3s")
        left = others[0].succeed(f"{kubectl} --server=https://{vip}:6443 get nodes -o name").split()
        assert len(left) == 3, left
        assert [holds_the_vip(host) for host in others].count(True) == 1

    with subtest("what the cluster is told with a server less is done"):
        others[1].succeed(f"{kubectl} create configmap told --from-literal=by=two")
        assert others[0].succeed(f"{kubectl} get configmap told -o jsonpath='{{.data.by}}'") == "two"

    with subtest("the check of the API can fail: one server of three has no say"):
        others[1].crash()
        verify_fails(others[0], f"the API of {others[0].name} is ready")

    with subtest("when all are back the cluster is whole, and the volume holds what it held"):
        holder.start()
        others[1].start()
        for host in servers:
            verify(host)
        apply(pod)
        assert others[0].succeed(f"{kubectl} exec keeper -- cat /data/file") == "kept\n"
  '';
}
