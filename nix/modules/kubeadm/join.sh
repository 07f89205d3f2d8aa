# Joins the cluster, once. Given: config, package, runningKubelet, cluster, endpoint.

# kubelet.conf is there before a join has finished; this lies here from before the first step until after the last.
state=/var/lib/homelab-kubeadm
begun=$state/join-begun

if [ -e "$begun" ]; then
  echo "an earlier attempt to join $cluster did not finish; starting over"
  # A join cannot be gone on with. Nothing is lost: all this machine has of the cluster are copies.
  kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock
elif [ -e /etc/kubernetes/kubelet.conf ]; then
  exit 0
fi

told=
until curl --silent --insecure --max-time 5 --output /dev/null "https://$endpoint/version"; do
  if [ -z "$told" ]; then
    echo "waiting for the control plane of $cluster at $endpoint"
    told=yes
  fi
  sleep 10
done

mkdir -p "$state"
touch "$begun"
ln --symbolic --force --no-dereference "$package" "$runningKubelet"
kubeadm join --config "$config"
rm "$begun"
echo "joined $cluster"
