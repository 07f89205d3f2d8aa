# A cluster made by kubeadm: the first machine starts it, the second joins, pods run and reach each other.
let
  node = {
    imports = [ ./lib/offline-images.nix ];
    virtualisation = {
      cores = 2;
      diskSize = 12288;
    };
  };
in
{
  lab = ./labs/kubeadm;
  cards.eno1 = 1;
  memory = 3072;
  globalTimeout = 7200;
  machines = {
    node-1 = node;
    node-2 = node;
  };
  secrets = {
    kubeadm-upstream-token = "abcdef.0123456789abcdef";
    kubeadm-upstream-certificate-key = "0000000000000000000000000000000000000000000000000000000000000000";
  };

  testScript = ''
    kubectl = "KUBECONFIG=/etc/kubernetes/admin.conf kubectl"


    def pod(host: Asked) -> dict[str, typing.Any]:
        """A pod on a machine, whatever that is tainted with, which serves its own name."""
        serve = "hostname > /tmp/index.html && exec httpd -f -p 8080 -h /tmp"
        container = {
            "name": "web",
            "image": "docker.io/vm-tests/kubernetes:1",
            "imagePullPolicy": "Never",
            "command": ["sh", "-c", serve],
        }
        name = f"web-{host.name}"
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"nodeName": host.name, "containers": [container]},
        }


    start_all()
    for host in (node_1, node_2):
        host.wait_for_unit("homelab-offline-images.service")

    with subtest("the first machine starts the cluster, and the second joins it"):
        for host in (node_1, node_2):
            verify(host)
        nodes = node_1.succeed(f"{kubectl} get nodes -o name").split()
        assert sorted(nodes) == ["node/node-1", "node/node-2"], nodes

    with subtest("pods run on both machines"):
        for host in (node_1, node_2):
            manifest = shlex.quote(json.dumps(pod(host)))
            node_1.succeed(f"echo {manifest} | {kubectl} apply -f -")
        for host in (node_1, node_2):
            node_1.succeed(f"{kubectl} wait --for=condition=Ready pod/web-{host.name} --timeout=600s")

    with subtest("a pod reaches another one on another machine"):
        address = node_1.succeed(f"{kubectl} get pod web-node-2 -o jsonpath='{{.status.podIP}}'")
        got = node_1.wait_until_succeeds(f"{kubectl} exec web-node-1 -- wget -q -T 5 -O - http://{address}:8080/")
        assert got == "web-node-2\n", got

    with subtest("a machine that was shut down is in its cluster again when it is back"):
        node_2.shutdown()
        node_2.start()
        verify(node_2)

    with subtest("the check of a node can fail: without its kubelet it is ready no more"):
        node_2.succeed("systemctl stop kubelet.service")
        verify_fails(node_2, "node node-2 is Ready")
        node_2.succeed("systemctl start kubelet.service")
        verify(node_2)

    with subtest("a cluster that is there is not started anew by a reboot of its server"):
        before = node_1.succeed(f"{kubectl} get namespace kube-system -o jsonpath='{{.metadata.uid}}'")
        node_1.shutdown()
        node_1.start()
        verify(node_1)
        after = node_1.succeed(f"{kubectl} get namespace kube-system -o jsonpath='{{.metadata.uid}}'")
        assert before == after
  '';
}
