# kernel-ready.sh VERSION_FILE: whether the running kernel has the DRBD this host is configured for (exit 1: not).

modprobe drbd 2>/dev/null || true

loaded=
if [ -r "$1" ]; then
  loaded=$(cat "$1")
fi

case $loaded in
  "$VERSION".*) exit 0 ;;
  "") echo "$RESOURCE: the running kernel has no DRBD module; reboot into the new system to bring the volume up" ;;
  *) echo "$RESOURCE: the running kernel has DRBD $loaded, the volume is configured for $VERSION; reboot into the new system to bring it up" ;;
esac
exit 1
