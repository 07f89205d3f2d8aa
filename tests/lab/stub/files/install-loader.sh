#!/bin/sh
# What NixOS's installers of boot loaders leave on /boot: a menu of the profile's generations, and one system as default.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:@busybox@/bin
top=$1
generations=/nix/var/nix/profiles/system
loader=@loader@

numbers() {
  for link in "$generations"-*-link; do
    [ ! -L "$link" ] || echo "$link" | sed 's/.*-\([0-9]*\)-link/\1/'
  done | sort -rn
}

case $loader in
systemd-boot)
  mkdir -p /boot/loader/entries
  rm -f /boot/loader/entries/nixos-generation-*.conf
  for number in $(numbers); do
    system=$(readlink -f "$generations-$number-link")
    printf '%s\n' 'title NixOS' "version Generation $number" "options init=$system/init quiet" \
      > "/boot/loader/entries/nixos-generation-$number.conf"
  done
  for number in $(numbers); do
    if [ "$(readlink -f "$generations-$number-link")" = "$top" ]; then
      printf '%s\n' 'timeout 5' "default nixos-generation-$number.conf" 'editor 0' > /boot/loader/loader.tmp
      mv /boot/loader/loader.tmp /boot/loader/loader.conf
      break
    fi
  done
  ;;
grub)
  mkdir -p /boot/grub
  entry() { printf '%s\n' "menuentry \"$1\" {" "  linux (\$drive1)/kernel init=$2/init quiet" '}'; }
  {
    cat << 'END'
if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${next_entry}" ]; then
  set default="${next_entry}"
  set next_entry=
  save_env next_entry
  set timeout=1
else
  set default=0
  set timeout=5
fi
END
    entry "NixOS - Default" "$top"
    echo 'submenu "NixOS - All configurations" {'
    for number in $(numbers); do
      entry "NixOS - Configuration $number (2026-11-21 - 26.05)" "$(readlink -f "$generations-$number-link")"
    done
    echo '}'
  } > /boot/grub/grub.tmp
  mv /boot/grub/grub.tmp /boot/grub/grub.cfg
  ;;
esac
