# shellcheck shell=bash
# A guest's disk: made when it is missing, grown when it is smaller than asked, never shrunk, never deleted.
#   homelab-guest-disk zvol GUEST DATASET SIZE
#   homelab-guest-disk file GUEST FORMAT PATH SIZE
#   homelab-guest-disk present GUEST PATH
export LC_ALL=C # so that numbers and states read the same everywhere

say() {
  printf '%s\n' "$*"
}

fail() {
  say "$@" >&2
  exit 1
}

# A volume's device node comes through udev, some seconds after the volume.
present() {
  local guest=$1 path=$2
  if [[ $path == /dev/* ]]; then
    udevadm wait --timeout=60 -- "$path" ||
      fail "guest $guest: $path did not appear within 60 s; is the pool imported, is the DRBD resource up?"
  elif [[ ! -e $path ]]; then
    fail "guest $guest: $path is missing and has no size to make it by; put the image there or set size"
  fi
}

# Whether the guest runs with this disk: QEMU holds it then, and only libvirt may tell it of a new size.
is_in_use() {
  local guest=$1 path=$2 active
  active=$(virsh list --name) || fail "guest $guest: libvirt does not answer"
  grep -Fxq -- "$guest" <<<"$active" && virsh domblkinfo "$guest" "$path" >/dev/null 2>&1
}

# Says what is to be done to a disk of CURRENT bytes that should have WANTED: grow it, or leave it.
must_grow() {
  local guest=$1 path=$2 current=$3 wanted=$4
  if ((current > wanted)); then
    say "guest $guest: $path has $current bytes, more than the $wanted asked for; disks are never shrunk"
  fi
  ((current < wanted))
}

zvol() {
  local guest=$1 dataset=$2 size=$3 device=/dev/zvol/$2 wanted current
  wanted=$(numfmt --from=iec -- "$size")
  if ! zfs list -H -o name -- "$dataset" >/dev/null 2>&1; then
    # Thin, because snapshots of a thick volume reserve its whole size again. With volmode=dev the host never looks
    # for partitions in it: it would find the guest's own volume groups and pools, and import them.
    zfs create -p -s -V "$size" -o volmode=dev -- "$dataset"
    say "guest $guest: made the volume $dataset of $size"
    present "$guest" "$device"
    return
  fi
  current=$(zfs get -H -p -o value volsize -- "$dataset")
  [[ $current != - ]] ||
    fail "guest $guest: $dataset is a file system, not a volume; rename it or give the disk another dataset"
  present "$guest" "$device"
  if must_grow "$guest" "$device" "$current" "$wanted"; then
    zfs set "volsize=$size" "$dataset"
    say "guest $guest: grew the volume $dataset to $size"
    if is_in_use "$guest" "$device"; then
      virsh -q blockresize "$guest" "$device" "${wanted}B"
    fi
  fi
}

file() {
  local guest=$1 format=$2 path=$3 size=$4 wanted current
  wanted=$(numfmt --from=iec -- "$size")
  if [[ ! -e $path ]]; then
    mkdir -p -- "$(dirname -- "$path")"
    # Under another name first: a creation cut short must not pass for the disk.
    qemu-img create -q -f "$format" -- "$path.new" "$size"
    mv --no-clobber --no-target-directory -- "$path.new" "$path"
    say "guest $guest: made the image $path of $size"
    return
  fi
  # The format is said, never probed: a guest can write a header into a raw disk that makes it look like qcow2.
  current=$(qemu-img info --force-share --output=json -f "$format" -- "$path" | jq '."virtual-size"')
  if must_grow "$guest" "$path" "$current" "$wanted"; then
    if is_in_use "$guest" "$path"; then
      virsh -q blockresize "$guest" "$path" "${wanted}B"
    else
      qemu-img resize -q -f "$format" -- "$path" "$size"
    fi
    say "guest $guest: grew the image $path to $size"
  fi
}

case ${1-} in
  zvol | file | present) "$@" ;;
  *) fail "usage: homelab-guest-disk zvol|file|present GUEST …" ;;
esac
