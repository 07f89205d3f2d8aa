#!/bin/sh
# What NixOS's switch-to-configuration promises its callers: the same actions, order, lock, messages and exit codes.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:@busybox@/bin
top=@out@
action=${1:-}

# The real one dies of its own panic when nobody listens any more.
trap '' PIPE
say() { echo "$*" >&2 || exit 101; }

case $action in
check | switch | boot | test | dry-activate) ;;
*)
  say "Usage: switch-to-configuration [check|switch|boot|test|dry-activate]"
  exit 1
  ;;
esac
[ "$(id -u)" = 0 ] || {
  say "Error: switch-to-configuration must be run as the root user"
  exit 1
}
export NIXOS_ACTION="$action"
mkdir -p /run/nixos
exec 9>> /run/nixos/switch-to-configuration.lock
flock -n 9 || {
  say "Could not acquire lock"
  exit 11
}

inhibited() {
  old=/run/current-system/switch-inhibitors
  [ "$action" != boot ] && [ -e "$old" ] || return 1
  # Both files hold flat objects of strings: one `"key":"value"` a line.
  flat() { tr -d '{}' < "$1" | tr , '\n' | sort; }
  flat "$old" > /run/nixos/old-inhibitors
  flat "$top/switch-inhibitors" | while read -r entry; do
    key=${entry%%:*}
    if [ -n "$key" ] && grep -q "^$key:" /run/nixos/old-inhibitors; then
      grep -qxF "$entry" /run/nixos/old-inhibitors || echo "$key"
    fi
  done | grep .
}
if [ "${NIXOS_NO_CHECK:-}" != 1 ]; then
  for check in "$top"/stub/checks/*; do
    [ ! -e "$check" ] || sh -e "$check" "$top" "$action" >&2 || {
      say "Pre-switch check '${check##*/}' failed"
      say "Pre-switch checks failed"
      exit 1
    }
  done
  if changed=$(inhibited); then
    say "There are changes to critical components of the system:"
    say "$changed"
    say "Pre-switch check 'switchInhibitors' failed"
    say "Pre-switch checks failed"
    exit 1
  fi
fi
[ "$action" != check ] || exit 0

case $action in switch | boot)
  sh -e "$top/stub/boot-loader/install" "$top" >&2 || {
    say "Failed to install bootloader"
    exit 1
  }
  "$top/stub/install-loader" "$top" >&2 || {
    say "Failed to install bootloader"
    exit 1
  }
  ln -sfn "$top" /boot/default.new
  mv -T /boot/default.new /boot/default
  ;;
esac
[ "$action" != boot ] || exit 0

if [ "$(cat /run/current-system/init-interface-version 2> /dev/null)" != "$(cat "$top/init-interface-version")" ]; then
  say "Warning: the new NixOS configuration has an ‘init’ that is"
  say "incompatible with the current configuration.  The new configuration"
  say "won't take effect until you reboot the system."
  exit 100
fi

listed() { tr '\n' ' ' | sed 's/ $//; s/ /, /g'; }
old=$(readlink -f /run/current-system)
changed=
added=
while read -r unit; do
  if ! grep -qxF "$unit" "$old/stub/services"; then
    added="$added$unit
"
  elif ! cmp -s "$old/etc/systemd/system/$unit" "$top/etc/systemd/system/$unit"; then
    changed="$changed$unit
"
  fi
done < "$top/stub/services"
removed=$(grep -vxF -f "$top/stub/services" "$old/stub/services" || true)
stopped=$(printf '%s' "$changed$removed" | grep . | sort)
started=$(printf '%s' "$changed$added" | grep . | sort)

if [ "$action" = dry-activate ]; then
  [ -z "$stopped" ] || say "would stop the following units: $(echo "$stopped" | listed)"
  say "would activate the configuration..."
  "$top/dry-activate" >&2
  [ -z "$started" ] || say "would start the following units: $(echo "$started" | listed)"
  exit 0
fi

logger -t nixos "switching to system configuration $top"
if [ -n "$stopped" ]; then
  say "stopping the following units: $(echo "$stopped" | listed)"
  # shellcheck disable=SC2086 # each is a word
  systemctl stop $stopped
fi
say "activating the configuration..."
code=0
"$top/activate" "$top" >&2 || {
  say "Failed to run activate script"
  code=2
}
systemctl daemon-reload
if [ -n "$started" ]; then
  say "starting the following units: $(echo "$started" | listed)"
  # shellcheck disable=SC2086 # each is a word
  systemctl start $started || code=4
fi
sleep 0.25 # what fails right after its start is seen
failed=$(systemctl list-units --state=failed --plain --no-legend | awk '{ print $1 }')
if [ -n "$failed" ]; then
  say "warning: the following units failed: $(echo "$failed" | listed)"
  # shellcheck disable=SC2086 # each is a word
  systemctl status --no-pager --full $failed >&2
  code=4
fi
logger -t nixos "switching to system configuration $top ended with $code"
exit $code
