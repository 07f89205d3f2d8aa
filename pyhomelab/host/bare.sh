# Says what runs on a machine that is to be installed, and whose data lies on its disks, as words between tabs. Changes
# nothing.
#
# Sent as root to `sh -s`; one command, as the other scripts are. It must get by with what an installer image or any
# other Linux has: what a program that is not there would say is left out.
# shellcheck shell=sh
{
    export LC_ALL=C "PATH=$PATH:/run/current-system/sw/bin:/run/current-system/sw/sbin:/usr/bin:/bin:/usr/sbin:/sbin"

    say() {
        printf '%s' "$1"
        shift
        [ $# -eq 0 ] || printf '\t%s' "$@"
        echo
    }

    id='' variant='' name=''
    while IFS='=' read -r key value; do
        value=${value#\"}
        case $key in
            ID) id=${value%\"} ;;
            VARIANT_ID) variant=${value%\"} ;;
            PRETTY_NAME) name=${value%\"} ;;
        esac
    done </etc/os-release
    read -r boot_id </proc/sys/kernel/random/boot_id
    say begin 1
    say os "$id" "$variant" "$name"
    say host "$(uname -n)" "$boot_id"
    [ ! -L /run/current-system ] || say system "$(readlink -f /run/current-system)"

    # A partition says in its label whose it is.
    lsblk --noheadings --raw --output NAME,PARTLABEL | while read -r device label; do
        [ -z "$label" ] || say label "$device" "$label"
    done

    # ZFS writes into a pool's label which machine had it imported last.
    if command -v zdb >/dev/null; then
        lsblk --noheadings --raw --output NAME,FSTYPE | while read -r device kind; do
            [ "$kind" = zfs_member ] || continue
            pool='' owner=''
            while read -r key value; do
                value=${value#\'}
                case $key in
                    name:) [ -n "$pool" ] || pool=${value%\'} ;;
                    hostname:) [ -n "$owner" ] || owner=${value%\'} ;;
                esac
            done <<LABEL
$(timeout 20 zdb -l "/dev/$device")
LABEL
            say pool "$device" "$pool" "$owner"
        done
    fi
    say end
    exit 0
} </dev/null 2>/dev/null
