# Renews what a joining machine needs. Given: config, servers.

state=/var/lib/homelab-kubeadm
if [ ! -e /etc/kubernetes/admin.conf ] || [ -e "$state/init-begun" ] || [ -e "$state/join-begun" ]; then
  echo "not a server of a running cluster yet"
  exit 0
fi
export KUBECONFIG=/etc/kubernetes/admin.conf

# By the file, so that the token is not on a command line for all to see.
kubeadm init phase bootstrap-token --config "$config" --skip-token-print

absent=()
for server in "${servers[@]}"; do
  # Not ready counts as absent: a machine installed anew is still listed, with its old life's state.
  ready=$(kubectl get node "$server" --ignore-not-found --output 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')
  if [ "$ready" != True ]; then
    absent+=("$server")
  fi
done

if [ "${#absent[@]}" -gt 0 ]; then
  echo "not in the cluster or not ready: ${absent[*]}"
  kubeadm init phase upload-certs --upload-certs --config "$config" --skip-certificate-key-print
fi
