# Decides once, on the first host that holds data, that the copies of a new volume are its data.
#
# Until then every copy is Inconsistent and nothing can be written. It is decided only when all copies are connected, all are
# Inconsistent, and this host's copy is new (bring-up.sh left a note). Any other state of any copy means that there is data
# somewhere: the note goes, and DRBD resyncs by itself. A host that lost its disk is thus never taken for a new volume.
#
# From the unit: RESOURCE, REPLICAS (copies in all), EQUAL_WHEN_NEW (true: they are blank zvols), STATE_DIRECTORY.

note=$STATE_DIRECTORY/$RESOURCE.new

say() {
  echo "$RESOURCE: $1"
}

declare_equal() {
  if [ "$EQUAL_WHEN_NEW" = true ]; then
    drbdadm new-current-uuid --clear-bitmap "$RESOURCE/0"
    say "all $REPLICAS copies are new and equal; the volume is ready"
  else
    # What the disks held before differs: this host's copy is sent in full.
    drbdadm primary --force "$RESOURCE"
    drbdadm secondary "$RESOURCE"
    say "this host's copy is the first; the others are synchronised with it now"
  fi
}

while [ -e "$note" ]; do
  # Own state first, then the peers': Inconsistent/Inconsistent/Diskless
  IFS=/ read -r -a states <<<"$(drbdadm dstate "$RESOURCE" 2>/dev/null || true)"
  new=0
  for state in "${states[@]}"; do
    case $state in
      Inconsistent) new=$((new + 1)) ;;
      Consistent | Outdated | UpToDate)
        say "a copy is $state, so there is data already; nothing is decided here"
        rm -f "$note"
        exit 0
        ;;
    esac
  done
  if [ "$new" -eq "$REPLICAS" ]; then
    declare_equal
    rm -f "$note"
    exit 0
  fi
  sleep 5
done
