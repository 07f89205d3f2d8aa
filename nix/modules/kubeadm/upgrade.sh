# Brings the cluster, then this machine, to `target`.
# Given: target, package, first, role, runningKubelet, cluster, nodeName, before.

state=/var/lib/homelab-kubeadm
manifest=/etc/kubernetes/manifests/kube-apiserver.yaml

minor() {
  local rest=${1#*.}
  echo "${rest%%.*}"
}

older() {
  [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort --version-sort | head --lines 1)" = "$1" ]
}

refuse() {
  echo "$nodeName brings Kubernetes $target, but $cluster runs $running: $1. Nothing was changed; the kubelet stays at $kubelet." >&2
  exit 78
}

# Says what it waits for, once.
wait_for() {
  local what=$1
  shift
  if ! "$@"; then
    echo "waiting for $what"
    until "$@"; do
      sleep 10
    done
  fi
}

cluster_version() {
  running=$(kubectl --kubeconfig "$access" --namespace kube-system get configmap kubeadm-config \
    --output 'jsonpath={.data.ClusterConfiguration}' 2> /dev/null | sed --quiet 's/^kubernetesVersion: *//p')
  [ -n "$running" ]
}

cluster_is_at_target() {
  cluster_version && ! older "$running" "$target"
}

# Asked without a login: a worker may not look at the pods of servers.
server_is_at_target() {
  local version
  version=$(curl --silent --insecure --max-time 5 "https://$1:6443/version" | sed --quiet 's/.*"gitVersion": *"\([^"]*\)".*/\1/p')
  [ -n "$version" ] && ! older "$version" "$target"
}

if [ ! -e /etc/kubernetes/kubelet.conf ] || [ -e "$state/init-begun" ] || [ -e "$state/join-begun" ]; then
  exit 0 # in no cluster yet; it comes in with this version
fi

kubelet=$("$runningKubelet/bin/kubelet" --version)
kubelet=${kubelet##* }
apiserver=$target
access=/etc/kubernetes/kubelet.conf
if [ "$role" = server ]; then
  apiserver=$(sed --quiet 's/.*image: .*kube-apiserver:\(v[0-9.]*\).*/\1/p' "$manifest")
  access=/etc/kubernetes/admin.conf
fi
if [ "$kubelet" = "$target" ] && [ "$apiserver" = "$target" ]; then
  exit 0
fi

wait_for "the API server of $cluster" cluster_version
if [ "$(minor "$target")" -gt "$(($(minor "$running") + 1))" ]; then
  refuse "Kubernetes goes up one minor version at a time, deploy 1.$(($(minor "$running") + 1)) first"
fi
if [ "$(minor "$target")" -lt "$(minor "$running")" ]; then
  refuse "its data cannot go back, deploy 1.$(minor "$running") again"
fi
if older "$target" "$running"; then
  # What rolling a host back to yesterday's system does. Within a minor version every mixture works.
  echo "$cluster stays at $running, newer than this system's $target"
  exit 0
fi

if [ "$first" = true ] && older "$running" "$target"; then
  echo "upgrading $cluster from $running to $target"
  kubeadm upgrade apply --yes "$target"
else
  wait_for "the first server of $cluster to upgrade it to $target" cluster_is_at_target
  for server in "${before[@]}"; do
    wait_for "$server to run $target" server_is_at_target "$server"
  done
  echo "upgrading $nodeName to $target"
  kubeadm upgrade node
fi

# Only now, and last: until here a second try starts from the beginning.
ln --symbolic --force --no-dereference "$package" "$runningKubelet"
systemctl restart kubelet.service
echo "$nodeName runs $target"
