#!/bin/sh
# Answers as `k3s kubectl` or kubectl with kubeadm's own file would, from a cluster that is a directory, and keeps what it
# was asked. A node is a directory of files: closed, mark, boot, ready, pods.
cluster=/root/cluster
if [ "${1:-}" = kubectl ]; then
  shift
elif [ "${1:-} ${2:-}" = "--kubeconfig /etc/kubernetes/admin.conf" ]; then
  shift 2
else
  echo "error: no configuration has been provided" >&2
  exit 1
fi
echo "$*" >> "$cluster/asked"

if [ -e "$cluster/down" ]; then
  echo "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?" >&2
  exit 1
fi
verb=$1
shift
case $verb in get | annotate) shift ;; esac # node
name=$1
shift
node=$cluster/nodes/$name
if [ ! -d "$node" ]; then
  echo "Error from server (NotFound): nodes \"$name\" not found" >&2
  exit 1
fi
is() { cat "$node/$1" 2> /dev/null; }

case $verb in
get) echo "$(is closed)|$(is mark)|$(is boot)|$(is ready)" | tr -d '\n' ;;
annotate)
  case $1 in
  *=*) echo "${1#*=}" > "$node/mark" ;;
  *-) rm -f "$node/mark" ;;
  esac
  echo "node/$name annotated"
  ;;
cordon)
  echo true > "$node/closed"
  echo "node/$name cordoned"
  ;;
uncordon)
  rm -f "$node/closed"
  echo "node/$name uncordoned"
  ;;
drain)
  [ "$(is closed)" = true ] || echo true > "$node/closed"
  echo "Warning: ignoring DaemonSet-managed Pods: kube-system/svclb-traefik-x" >&2
  if [ -e "$cluster/budget" ]; then
    why="Cannot evict pod as it would violate the pod's disruption budget."
    echo "evicting pod default/web-1"
    echo "error when evicting pods/\"web-1\" -n \"default\" (will retry after 5s): $why" >&2
    echo "There are pending pods in node \"$name\" when an error occurred: global timeout reached: 2s" >&2
    echo "error: unable to drain node \"$name\" due to error: global timeout reached: 2s, continuing command..." >&2
    exit 1
  fi
  while [ -e "$cluster/slow" ]; do sleep 0.2; done
  rm -f "$node/pods"
  echo "node/$name drained"
  ;;
esac
