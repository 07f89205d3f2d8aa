# Brings one DRBD resource of this host up, or takes over what changed in one that is up. Run again, it changes nothing.
#
# New host:        the zvol is made, found blank, given metadata; first-sync.sh or a peer fills it.
# Reboot:          the metadata is there, and is left alone even after a crash (drbdadm up applies its activity log).
# Replaced disk:   as a new host; the peers' data make it the target of a full resync. It is not up to date until then, so
#                  nothing runs on it while the peers are away.
# Peer away:       nothing here waits for a peer.
# Something else on the device: refused. Data is never overwritten, a zvol never destroyed or made smaller.
#
# From the unit: RESOURCE, MINOR, VERSION (9 or 8.4), DISK (empty: a witness), DATASET and SIZE (empty: no zvol of ours),
# STATE_DIRECTORY.

say() {
  echo "$RESOURCE: $1"
}

# Exit status 3 tells systemd that trying again is of no use.
refuse() {
  say "$1" >&2
  exit 3
}

# Whether the kernel knows the resource.
running() {
  drbdadm status "$RESOURCE" >/dev/null 2>&1
}

# This host's disk state: what stands before the first slash.
local_state() {
  drbdadm dstate "$RESOURCE" | cut -d / -f 1
}

attached() {
  running && [ "$(local_state)" != Diskless ]
}

ensure_zvol() {
  local kind
  if kind=$(zfs get -H -o value type "$DATASET" 2>/dev/null); then
    [ "$kind" = volume ] || refuse "$DATASET is a $kind, not a volume; rename it, or give the volume another dataset"
    return 0
  fi
  # Sparse: takes what is written, not what is promised. volmode=dev: the partitions a guest makes on the volume are
  # its own; the host would list them under their labels, among its own.
  zfs create -p -s -o volmode=dev -V "$SIZE" "$DATASET"
  say "made the zvol $DATASET of $SIZE"
}

wait_for_disk() {
  local tries
  for ((tries = 0; tries < 30; tries++)); do
    if [ -b "$DISK" ]; then
      return 0
    fi
    sleep 1 # udev makes the name a moment after the zvol
  done
  say "$DISK did not appear" >&2
  exit 1
}

# 0: there is DRBD metadata; 1: there is none; refused: nobody can tell.
has_metadata() {
  local said
  if said=$(drbdadm dump-md "$RESOURCE" 2>&1 </dev/null); then
    return 0
  fi
  case $said in
    # What a power cut leaves behind: good metadata, and the data is the newest there is.
    *apply-al*) return 0 ;;
    *"No valid meta data found"*) return 1 ;;
    # udev may take the name away again for a moment; the unit is started once more.
    *"No such file or directory"*)
      say "$DISK is not there at the moment" >&2
      exit 1
      ;;
  esac
  refuse "drbdadm cannot read $DISK, so nothing is done to it: $said"
}

zeros() {
  cmp -s -n 4194304 -i "$1:0" "$DISK" /dev/zero
}

# No signature anyone knows, and nothing in the first and last 4 MiB, where file systems, databases and DRBD begin and end.
blank() {
  local probed=0 bytes
  blkid -p "$DISK" >/dev/null 2>&1 || probed=$?
  [ "$probed" -eq 2 ] || return 1
  bytes=$(blockdev --getsize64 "$DISK")
  zeros 0 && zeros $((bytes - 4194304))
}

ensure_metadata() {
  local arguments=()
  if has_metadata; then
    return 0
  fi
  blank || refuse "$DISK holds something that is not DRBD's, so it is left alone; if nobody needs it, empty it with \`blkdiscard -f $DISK\` and start homelab-drbd-$RESOURCE again"
  if [ "$VERSION" = 9 ]; then
    # Room for seven peers: another replica or a witness can join later without making the metadata, and the copy, anew.
    arguments+=(--max-peers=7)
  fi
  # For first-sync.sh: this copy has never held anything. Noted before the fact, so that a crash between the two is only
  # a blank device again.
  touch "$STATE_DIRECTORY/$RESOURCE.new"
  # Without --force and with nobody to answer, drbdadm itself refuses a device in use.
  drbdadm create-md "${arguments[@]}" "$RESOURCE" </dev/null
}

# Grown while attached: DRBD then moves its metadata to the new end by itself.
ensure_size() {
  local wanted current shown
  wanted=$(numfmt --from=iec "$SIZE")
  current=$(zfs get -H -p -o value volsize "$DATASET")
  if [ "$current" -gt "$wanted" ]; then
    say "$DATASET has $current bytes, more than the $SIZE configured; a volume is never made smaller"
  elif [ "$current" -lt "$wanted" ]; then
    zfs set "volsize=$SIZE" "$DATASET"
    current=$wanted
    say "$DATASET grew to $SIZE"
  fi
  [ "$(local_state)" = UpToDate ] || return 0
  # Asked of the kernel without opening the device, which a copy that is not in use here does not let happen.
  shown=$(lsblk --noheadings --nodeps --bytes --output SIZE "/dev/drbd$MINOR")
  # Metadata for seven peers takes a four-thousandth of the disk; more is missing only when the copies were grown.
  if [ $((current - shown)) -gt $((current / 1000 + 1048576)) ]; then
    drbdadm resize "$RESOURCE" || say "the volume keeps its size until every host has grown and is connected"
  fi
}

if [ -n "$DISK" ] && ! attached; then
  if [ -n "$DATASET" ]; then
    ensure_zvol
  fi
  wait_for_disk
  ensure_metadata
fi

if running; then
  drbdadm adjust "$RESOURCE"
else
  drbdadm up "$RESOURCE"
fi

if [ -n "$DATASET" ]; then
  ensure_size
fi
