#!/bin/sh
# What is done inside the new disk of the virtual machines, once.
set -eu

echo vm >/etc/hostname
echo '127.0.0.1 localhost' >/etc/hosts
echo '/dev/vda / ext4 defaults,noatime 0 0' >/etc/fstab
echo virtio_net >/etc/modules-load.d/lab.conf
systemd-machine-id-setup >/dev/null 2>&1
systemctl --quiet enable lab-net.service

# What stands for every package of nixpkgs.
mkdir -p /opt/debian/bin
ln -s bin /opt/debian/sbin
ln -s /usr/bin/* /opt/debian/bin/
for program in /usr/sbin/*; do
    [ -e "/opt/debian/bin/${program##*/}" ] || ln -s "$program" /opt/debian/bin/
done
useradd --system --no-create-home --home-dir /var/lib/syncoid --shell /bin/sh syncoid
useradd --system --create-home --shell /bin/sh syncoid-receiver

# Nothing of this is asked for by a test, and an emulated processor takes its time with each.
for unit in ldconfig systemd-hwdb-update systemd-firstboot systemd-binfmt systemd-update-done \
    systemd-journal-catalog-update systemd-random-seed systemd-journal-flush e2scrub_reap \
    zfs-import-cache zfs-import-scan zfs-mount zfs-share zfs-volume-wait sanoid sanoid-prune drbd; do
    ln -sf /dev/null "/etc/systemd/system/$unit.service"
done
for unit in getty.target e2scrub_all.timer apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer \
    logrotate.timer sanoid.timer systemd-tmpfiles-clean.timer systemd-pcrextend.socket systemd-pcrlock.socket \
    systemd-sysext.socket systemd-creds.socket systemd-ask-password-wall.path systemd-ask-password-console.path; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done

mkdir -p /etc/systemd/system-generators
for generator in /usr/lib/systemd/system-generators/*; do
    case $generator in
    */systemd-fstab-generator) ;;
    *) ln -sf /dev/null "/etc/systemd/system-generators/${generator##*/}" ;;
    esac
done

rm -rf /boot/initrd* /var/cache/apt/* /var/lib/apt/lists/*
