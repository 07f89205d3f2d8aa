# Says what this machine is made of, as lines of words between tabs. Changes nothing; root hears more than others.
#
# Sent over ssh to `sh -s`, so it is one command: the shell has read all of it before it runs any of it, and nothing
# in it can take the rest for its input. It must get by with any Linux: an installer, a rescue system, a NAS of old. What
# is missing there is said, and the rest is told all the same. FACTS_ROOT may hold another /sys and so on.
{
    export LC_ALL=C "PATH=$PATH:/run/current-system/sw/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    sys=${FACTS_ROOT:-}/sys dev=${FACTS_ROOT:-}/dev proc=${FACTS_ROOT:-}/proc etc=${FACTS_ROOT:-}/etc

    say() {
        printf '%s' "$1"
        shift
        [ $# -eq 0 ] || printf '\t%s' "$@"
        echo
    }

    # The first line of a file, or nothing: some cannot be read although they are there.
    line_of() { # FILE
        text=
        [ ! -r "$1" ] || IFS= read -r text <"$1"
        printf '%s' "$text"
    }

    # What a link points to, without its directory.
    end_of() { # LINK
        [ ! -e "$1" ] || { target=$(readlink "$1") && printf '%s' "${target##*/}"; }
    }

    # A program's answer, each line of it a row; if it cannot be had, that it is missing.
    answer() { # WORD PROGRAM ARGUMENT...
        word=$1
        shift
        command -v "$1" >/dev/null || { say missing "$1"; return 1; }
        lines=$(timeout 30 "$@") || return 1
        printf '%s\n' "$lines" | while IFS= read -r line; do
            say "$word" "$line"
        done
    }

    # What lies on a disk or a partition, by every sign of it that is there: blkid passes over two that contradict.
    look_at() { # NAME
        [ -b "$dev/$1" ] || return 0
        kind='' label=''
        signs=$(timeout 10 wipefs --no-act --noheadings --output TYPE,LABEL "$dev/$1")
        while read -r sign text; do
            case $sign in
            '' | gpt | PMBR | dos | "$kind") ;;
            *) if [ -n "$kind" ]; then kind="several at once" label=''; else kind=$sign label=$text; fi ;;
            esac
        done <<-EOF
		$signs
		EOF
        [ -z "$kind" ] || say content "$1" "$kind" "$label"
    }

    say begin 1
    os='' variant=''
    if [ -r "$etc/os-release" ]; then
        while IFS='=' read -r key value; do
            case $key in
            PRETTY_NAME) os=$value ;;
            VARIANT_ID) variant=$value ;;
            esac
        done <"$etc/os-release"
    fi
    say os "$(uname -n)" "$(uname -m)" "$os" "$variant"
    efi=no
    [ ! -d "$sys/firmware/efi" ] || efi=yes
    say firmware "$efi"

    threads=0 model='' flag=''
    while IFS=: read -r key value; do
        case $key in
        processor*) threads=$((threads + 1)) ;;
        "model name"*) model=${value# } ;;
        flags*) case " $value " in *" vmx "*) flag=vmx ;; *" svm "*) flag=svm ;; esac ;;
        esac
    done <"$proc/cpuinfo"
    say cpu "$threads" "$model" "$flag"

    total=
    while read -r key value _; do
        [ "$key" != MemTotal: ] || total=$value
    done <"$proc/meminfo"
    say memory "$total"
    tree=$sys/firmware/devicetree/base/model
    if [ -r "$tree" ]; then
        say product "$(tr -d '\000' <"$tree")"
    else
        say product "$(line_of "$sys/class/dmi/id/sys_vendor")" "$(line_of "$sys/class/dmi/id/product_name")"
    fi

    columns=NAME,KNAME,TYPE,SIZE,RM,RO,ROTA,TRAN,VENDOR,MODEL,SERIAL,WWN,FSTYPE,LABEL
    # before 2.37 there was one mount of each device at most
    answer lsblk lsblk --json --bytes --output "$columns,MOUNTPOINTS" ||
        answer lsblk lsblk --json --bytes --output "$columns,MOUNTPOINT"
    for kind in by-id by-path; do
        for link in "$dev/disk/$kind"/*; do
            [ ! -L "$link" ] || say link "$kind" "${link##*/}" "$(end_of "$link")"
        done
    done
    # of a disk without a device, as in a container, nobody can say what lies on it
    for disk in "$sys"/block/*; do
        name=${disk##*/}
        case $name in *!*) name=$(printf '%s' "$name" | tr '!' '/') ;; esac
        [ ! -e "$disk" ] || [ -b "$dev/$name" ] || say unread "${name##*/}"
    done
    # members that lsblk knows nothing of: it sees neither ZFS nor the second disk of a btrfs
    for member in "$sys"/fs/btrfs/*/devices/*; do
        [ ! -e "$member" ] || { set=${member%/devices/*} && say btrfs "${member##*/}" "${set##*/}"; }
    done
    for pool in "$proc"/spl/kstat/zfs/*/; do
        pool=${pool%/}
        [ ! -d "$pool" ] || say pool "${pool##*/}"
    done
    if command -v zpool >/dev/null; then
        timeout 30 zpool list -vHPL | while IFS= read -r line; do
            say zpool "$line"
        done
    fi

    for card in "$sys"/class/net/*; do
        [ -e "$card/device" ] || continue
        air=no
        [ ! -e "$card/phy80211" ] && [ ! -e "$card/wireless" ] || air=yes
        say nic "${card##*/}" "$(line_of "$card/address")" "$(end_of "$card/device/driver")" \
            "$(end_of "$card/device/subsystem")" "$(line_of "$card/speed")" "$(line_of "$card/carrier")" "$air"
    done
    answer ip ip -json -details address
    # lsblk asks udev, which may not run, and which takes a disk with the signs of two filesystems for an empty one
    contents=no
    case $(id -u)$(wipefs -V) in
    0*util-linux*)
        contents=yes
        for device in "$sys"/class/block/*; do
            [ "$(line_of "$device/size")" = 0 ] || look_at "${device##*/}"
        done
        ;;
    esac
    say contents "$contents"
    say end
    exit 0
} </dev/null 2>/dev/null
