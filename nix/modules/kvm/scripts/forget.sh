# shellcheck shell=bash
# Forgets the guests that left the inventory: shut down, then undefined. Their disks and UEFI variables stay, so a
# guest that comes back, or a rollback, finds everything as it was.
#   homelab-guests-forget HOST SECONDS [NAME of a guest to keep]…
export LC_ALL=C

say() {
  printf '%s\n' "$*"
}

host=$1 limit=$2
shift 2

# Marked by us, and for this host: one that migrated here from another host is that host's.
is_ours() {
  local marker
  marker=$(virsh metadata "$1" urn:pyhomelab:guest:1 2>/dev/null) && [[ $marker == *" host=\"$host\""* ]]
}

is_wanted() {
  local wanted name=$1
  shift
  for wanted; do
    if [[ $wanted == "$name" ]]; then return 0; fi
  done
  return 1
}

disks_of() {
  local device source
  while read -r _ device _ source; do
    if [[ $device == disk ]]; then printf ' %s' "$source"; fi
  done < <(virsh domblklist --details "$1")
}

forget() {
  local uuid=$1 name=$2 disks
  disks=$(disks_of "$uuid")
  if homelab-guest stop "$name" "$limit" &&
    virsh -q undefine "$uuid" --keep-nvram --snapshots-metadata --checkpoints-metadata; then
    say "guest $name left the inventory and is forgotten; its disks stay:${disks:- it had none}"
  else
    say "guest $name left the inventory but could not be forgotten; if libvirt holds saved memory of it," \
      "\`virsh start $name\` brings it back and \`virsh managedsave-remove $name\` drops that memory" >&2
    return 1
  fi
}

# By UUID, since virsh takes a name made of digits for the number of some running guest.
uuids=$(virsh list --all --persistent --uuid)
failed=0
while read -r uuid; do
  if [[ -z $uuid ]] || ! is_ours "$uuid"; then continue; fi
  name=$(virsh domname "$uuid")
  if ! is_wanted "$name" "$@"; then
    forget "$uuid" "$name" || failed=1
  fi
done <<<"$uuids"
exit "$failed"
