#!/bin/sh
# Runs once, inside the new root directory.
set -eu

# What a namespace cannot do, what would touch the machine that it runs on, and what only costs time.
for unit in \
  systemd-modules-load.service systemd-udevd.service systemd-udev-trigger.service \
  sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount \
  ldconfig.service systemd-hwdb-update.service systemd-firstboot.service systemd-binfmt.service \
  systemd-update-done.service systemd-journal-catalog-update.service systemd-random-seed.service \
  systemd-hibernate-clear.service systemd-tpm2-setup.service systemd-tpm2-setup-early.service \
  systemd-pcrphase.service systemd-pcrphase-sysinit.service systemd-pcrmachine.service \
  systemd-pcrextend.socket systemd-pcrlock.socket systemd-sysext.socket systemd-creds.socket \
  systemd-ask-password-wall.path systemd-ask-password-console.path getty.target \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer systemd-tmpfiles-clean.timer; do
  ln -sf /dev/null "/etc/systemd/system/$unit"
done

rm -f /etc/ssh/ssh_host_* /etc/machine-id /etc/apt/sources.list
: > /etc/machine-id
: > /etc/fstab
: > /etc/NIXOS
rm -f /etc/os-release
printf 'ID=nixos\nNAME=NixOS\nPRETTY_NAME="a test host that stands in for NixOS"\n' > /etc/os-release

# Three ways to be somebody other than root: sudo at once, sudo with the password `lab`, no sudo at all.
for name in admin careful nobody-special; do
  useradd --create-home --shell /bin/bash "$name"
  echo "$name:lab" | chpasswd
done
chmod 440 /etc/sudoers.d/*
mkdir -p /nix/store /nix/var/nix/profiles /boot
rm -rf /var/cache/apt /var/lib/apt/lists
