#!/bin/sh
# What systemd-boot's own tool does here: it says where /boot is, and has the firmware keep what is to be started once.
firmware=/boot/efi-variables
case ${1:-} in
--print-esp-path | --print-boot-path) echo /boot ;;
set-oneshot)
  mkdir -p "$firmware"
  if [ -z "${2:-}" ]; then rm -f "$firmware/LoaderEntryOneShot"; else echo "$2" > "$firmware/LoaderEntryOneShot"; fi
  ;;
*)
  echo "Unknown command verb ${1:-}." >&2
  exit 1
  ;;
esac
