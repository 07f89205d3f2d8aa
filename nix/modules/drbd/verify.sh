# verify.sh TARGET...: has DRBD compare this host's copy with each peer's, one after the other, and says whether they differ.
# A difference is only marked: DRBD repairs it at the next connect, and which copy is right is for a person to know.

say() {
  echo "$RESOURCE: $1"
}

give_up() {
  say "$1" >&2
  exit 1
}

compare() {
  local state
  say "comparing $1"
  drbdadm verify "$1" || give_up "$1 cannot be compared now; is the peer connected and up to date?"
  while state=$(drbdadm status "$RESOURCE") && [[ $state == *Verify* ]]; do
    sleep 10
  done
  # A lost connection ends the comparison just as silently as its last block does.
  state=$(drbdadm cstate "${1%/0}" || true)
  [ "$state" = Connected ] || give_up "the comparison with $1 was cut short: ${state:-it is gone}"
}

for target; do
  compare "$target"
done

counts=$(drbdsetup status "$RESOURCE" --verbose --statistics | grep -o 'out-of-sync:[0-9]*' | cut -d : -f 2)
differing=0
for count in $counts; do
  differing=$((differing + count))
done
if [ "$differing" -gt 0 ]; then
  give_up "$differing KiB differ between the copies; \`drbdadm disconnect $RESOURCE\`, then \`drbdadm connect $RESOURCE\`, copies them again from the host that uses the volume"
fi
say "all copies are equal"
