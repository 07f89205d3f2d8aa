#!/bin/sh
# Says of /boot what df and stat would say of a plain partition with ext4, which a test host does not have.
case "$*" in
*--output=source*) printf '%s\n' Filesystem /dev/vda1 ;;
*--format=%T*) echo ext2/ext3 ;;
*) exec "/usr/bin/${0##*/}" "$@" ;;
esac
