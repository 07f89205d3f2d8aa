#!/bin/sh
# boot.sh LAB-CGROUP CGROUP NETNS ROOT NAME - run the disk at ROOT as a host, as often as it reboots; ends when it is off.
# Of the machine's kernel the host sees as little as it can: it sets no clock, loads no module, writes no sysctl
# outside its own network, and pulls no magic lever.
set -u
lab=$1 cgroup=$2 netns=$3 root=$4 name=$5

inside() {
  set -e
  hostname "$name"
  mount --make-rprivate /
  mount --bind "$root" "$root"
  cd "$root"
  mount -t proc proc proc
  mount -t proc proc mnt
  mount --bind proc/sys proc/sys
  mount -o remount,bind,ro proc/sys
  mount --bind mnt/sys/net proc/sys/net
  umount mnt
  for part in bus fs irq sysrq-trigger; do
    [ -e "proc/$part" ] || continue
    mount --bind "proc/$part" "proc/$part"
    mount -o remount,bind,ro "proc/$part"
  done
  mount -t sysfs sysfs sys
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount -o remount,bind,ro sys
  for place in dev run tmp; do mount -t tmpfs -o mode=755 tmpfs "$place"; done
  chmod 1777 tmp
  for device in null zero full random urandom tty; do
    : > "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
  done
  if [ -e proc/kcore ]; then mount --bind dev/null proc/kcore; fi
  mkdir dev/pts dev/shm
  mount -t tmpfs tmpfs dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  # The kernel's boot id is the machine's; a host has its own, another one each time that it boots.
  cat /proc/sys/kernel/random/uuid > run/boot_id
  mount --bind run/boot_id proc/sys/kernel/random/boot_id
  mkdir -p .old
  pivot_root . .old
  umount -l /.old
  exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    setpriv --bounding-set -sys_module,-sys_time,-sys_rawio,-syslog /usr/local/sbin/stage-2 --log-level=warning
}

if [ "${6:-}" = inside ]; then inside; fi

echo $$ > "$lab/cgroup.procs" # so that whoever removes the lab finds this process too

while :; do
  sh -c 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"' - "$cgroup" \
    nsenter --net="/run/netns/$netns" unshare --mount --uts --ipc --pid --cgroup --fork --kill-child \
    sh "$0" "$lab" "$cgroup" "$netns" "$root" "$name" inside
  [ $? = 129 ] || exit 0 # a kernel that reboots kills its init by signal 1; by 2 when it is switched off
  find "$cgroup" -mindepth 1 -depth -type d -exec rmdir {} +
done
