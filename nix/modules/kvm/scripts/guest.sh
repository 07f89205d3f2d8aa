# shellcheck shell=bash
# A guest as libvirt has it.
#   homelab-guest define NAME XML
#   homelab-guest start NAME [DRBD RESOURCE it has disks on]…
#   homelab-guest stop NAME SECONDS
export LC_ALL=C

say() {
  printf '%s\n' "$*"
}

fail() {
  say "$@" >&2
  exit 1
}

is_active() {
  local active
  active=$(virsh list --name) || fail "guest $1: libvirt does not answer"
  grep -Fxq -- "$1" <<<"$active"
}

# A running guest is not touched by this: it has the definition it was started with until it stops.
define() {
  local name=$1 xml=$2 before after
  before=$(virsh dumpxml --inactive "$name" 2>/dev/null || true)
  virsh -q define --validate "$xml"
  # libvirt's own autostart happens as libvirtd comes up, before pools and DRBD; the unit starts it after them.
  virsh -q autostart --disable "$name"
  after=$(virsh dumpxml --inactive "$name")
  if [[ $before != "$after" ]] && is_active "$name"; then
    say "guest $name runs on as it was started; \`systemctl restart homelab-guest-$name\` gives it its new" \
      "definition (a reboot from inside does not)"
  fi
}

# Whether a peer has the resource open; the line of this host is the one that is not indented.
is_open_elsewhere() {
  local status
  status=$(drbdadm status "$1") || return 1 # one that is down says so by its missing device
  grep -q '^ .*role:Primary' <<<"$status"
}

# A guest that migrated away is running there. With two primaries allowed DRBD would let this host start it as well,
# and two systems would write one disk.
start() {
  local name=$1 resource
  shift
  if is_active "$name"; then return; fi
  for resource; do
    if is_open_elsewhere "$resource"; then
      fail "guest $name: another host has its DRBD volume $resource open, so it may be running there; shut it down" \
        "there, or give the guest to that host in the inventory"
    fi
  done
  virsh -q start "$name"
  say "guest $name: started"
}

# Asks until it is gone or out of time: one press of the power button is lost on a guest that is still booting.
stop() {
  local name=$1 limit=$2 begun=$SECONDS asked
  # libvirtd ends by itself only when nothing runs; asking it then would start it again, in the midst of a shutdown.
  systemctl is-active --quiet libvirtd.service || return 0
  asked=$((begun - 15))
  while is_active "$name"; do
    if ((SECONDS - begun >= limit)); then
      say "guest $name did not shut down within $limit s: its plug is pulled"
      # SIGTERM first, so that QEMU writes out what it holds.
      virsh -q destroy --graceful "$name" || virsh -q destroy "$name" || ! is_active "$name"
      return
    fi
    if ((SECONDS - asked >= 15)); then
      asked=$SECONDS
      virsh -q shutdown "$name" || true # it may have ended since
    fi
    sleep 1
  done
}

case ${1-} in
  define | start | stop) "$@" ;;
  *) fail "usage: homelab-guest define|start|stop NAME …" ;;
esac
