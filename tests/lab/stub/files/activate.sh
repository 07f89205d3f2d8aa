#!/bin/sh
# Make the running system this one, but for its services. It runs at boot, before systemd, and when systems are switched.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:@busybox@/bin
top=@out@
export systemConfig="$top"
status=0

echo "setting up /etc..."
touch /etc/NIXOS
proof=pyhomelab-proof.service
mkdir -p /etc/nix /run/systemd/system/multi-user.target.wants /run/systemd/system/sysinit.target.wants
rm -f "/run/systemd/system/sysinit.target.wants/$proof"
ln -sfn "$top/etc/nix/nix.conf" /etc/nix/nix.conf
ln -sfn "$top/etc/os-release" /etc/os-release
find /run/systemd/system -type l -lname '/nix/store/*' -exec rm {} +
while read -r unit; do
  ln -sfn "$top/etc/systemd/system/$unit" "/run/systemd/system/$unit"
  ln -sfn "$top/etc/systemd/system/$unit" "/run/systemd/system/multi-user.target.wants/$unit"
done < "$top/stub/services"
# The one unit of the lab's modules that is really started, as NixOS would: it decides about a system that was booted.
if [ -e "$top/etc/systemd/system/$proof" ]; then
  ln -sfn "$top/etc/systemd/system/$proof" "/run/systemd/system/$proof"
  ln -sfn "../$proof" "/run/systemd/system/sysinit.target.wants/$proof"
fi

for snippet in "$top"/stub/activation/*; do
  [ -e "$snippet" ] || continue
  sh -e "$snippet" || {
    echo "Activation script snippet '${snippet##*/}' failed ($?)" >&2
    status=1
  }
done

mkdir -p /nix/var/nix/gcroots
ln -sfn /run/current-system /nix/var/nix/gcroots/current-system
ln -sfn /run/booted-system /nix/var/nix/gcroots/booted-system
ln -sfn "$top" /run/current-system
exit $status
