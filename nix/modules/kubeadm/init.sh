# Starts the cluster, once. Given: config, others, join, package, runningKubelet, cluster.

# kubeadm writes admin.conf and kubelet.conf long before it is done, so they do not tell a finished cluster from half a one.
# These lie here from before the first step until after the last.
state=/var/lib/homelab-kubeadm
begun=$state/init-begun

if [ -e "$state/join-begun" ]; then
  exec "$join"
fi

again=()
if [ -e "$begun" ]; then
  echo "an earlier start of $cluster did not finish; going on with it"
  # Every step of kubeadm may be done twice. Only its first look round has to be told that what it finds is its own;
  # `kubeadm reset` would throw away an etcd that others may have joined by now.
  again=("--ignore-preflight-errors=DirAvailable--var-lib-etcd,FileAvailable--etc-kubernetes-manifests-etcd.yaml,FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml,FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml,FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml,Port-10250,Port-10257,Port-10259,Port-2379,Port-2380,Port-6443")
elif [ -e /etc/kubernetes/kubelet.conf ]; then
  exit 0
else
  # This machine was installed anew, or lost its disk, when its cluster lives on elsewhere. Any answer counts, an error
  # too: a server that has lost its quorum still belongs to a cluster.
  for server in "${others[@]}"; do
    if curl --silent --insecure --max-time 5 --output /dev/null "https://$server:6443/version"; then
      echo "$server answers: $cluster is there already, joining it"
      exec "$join"
    fi
  done
fi

mkdir -p "$state"
touch "$begun"
ln --symbolic --force --no-dereference "$package" "$runningKubelet"
# Token and key are in the file and stay out of the journal.
kubeadm init --config "$config" --upload-certs --skip-token-print --skip-certificate-key-print "${again[@]}"
rm "$begun"

hash=$(openssl x509 -pubkey -noout -in /etc/kubernetes/pki/ca.crt | openssl pkey -pubin -outform der | openssl dgst -sha256 -r)
echo "$cluster is up; for homelab.kubeadm.caCertHashes: sha256:${hash%% *}"
