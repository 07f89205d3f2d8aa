# shellcheck shell=bash
# A guest as libvirt has it.
#   homelab-guest define NAME XML
#   homelab-guest start NAME
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

start() {
  if ! is_active "$1"; then
    virsh -q start "$1"
    say "guest $1: started"
  fi
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
