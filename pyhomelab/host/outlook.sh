# Says what a system would find on this host: what is missing of it, what the running one is made of, what is free, and
# which units a switch would touch. Changes nothing.
#
# Sent to `sh -s`, after lines that set NEW and PATHS: a system, and all that it is made of, a few hundred to a line. One
# command, as the other scripts are. What only root may see is left out if the user is not root and has no sudo for it.
# shellcheck shell=sh
{
    export LC_ALL=C "PATH=$PATH:/run/wrappers/bin:/run/current-system/sw/bin:/usr/bin:/bin"
    profiles=/nix/var/nix/profiles
    set -f

    # Before a command that needs root, or is better off with it; `is_root` says whether it helps.
    root=
    is_root=yes
    if [ "$(id -u)" != 0 ]; then
        root='sudo -n'
        $root true 2>/dev/null || root='' is_root=no
    fi

    # Each of several words in a row of its own.
    rows() { # KEY WORD...
        [ $# -eq 1 ] || {
            key=$1
            shift
            printf "$key\\t%s\\n" "$@"
        }
    }

    # How much each of several store paths takes up, asked a few hundred at a time as no program takes any number of words.
    sizes() { # PATH...
        some='' left=$#
        for path; do
            some="$some $path" left=$((left - 1))
            if [ $((left % 500)) = 0 ]; then
                # shellcheck disable=SC2046,SC2086 # each is a word
                rows size $($root nix-store --query --size $some)
                some=
            fi
        done
    }

    # shellcheck disable=SC2016 # for the shell that root starts
    boot_files='
        for place in /boot /efi /boot/efi; do
            for kernels in "$place/EFI/nixos" "$place/kernels"; do
                if [ -d "$kernels" ]; then
                    stat -f --printf="boot\t%n\t%a\t%S\t${kernels##*/}\n" "$place"
                    [ -z "$(ls "$kernels")" ] || stat --printf="file\t%s\t%n\n" "$kernels"/*
                    for entry in "$place"/loader/entries/nixos-generation-*.conf; do
                        [ ! -e "$entry" ] || printf "entry\t%s\n" "${entry##*/}"
                    done
                    exit
                fi
            done
        done'

    # What each kept system boots with; asked only where there is a place for kernels.
    kept() {
        set +f
        for link in "$profiles"/system-*-link; do
            if [ -L "$link" ]; then
                readlink -m -- "$link/kernel" "$link/initrd" | while read -r file; do
                    printf 'boots\t%s\t%s\n' "${link##*/}" "$file"
                done
            fi
        done
        set -f
    }

    # In a place of its own for what NixOS writes down: a dry run, too, leaves requests for the next switch there.
    dry_run() {
        $root systemd-run --quiet --pipe --wait --collect --property=RuntimeMaxSec=60 \
            --property=TemporaryFileSystem=/run/nixos "$NEW/bin/switch-to-configuration" dry-activate 2>&1
    }

    printf '%s\t%s\n' begin 1
    lacks=$(printf '%s\n' "$PATHS" | while read -r some; do
        # shellcheck disable=SC2086 # each is a word
        $root nix-store --check-validity --print-invalid $some || echo trouble
    done)
    # shellcheck disable=SC2086
    rows lacks $lacks
    has=$($root nix-store --query --requisites /run/current-system)
    # shellcheck disable=SC2086
    rows has $has
    # shellcheck disable=SC2086
    sizes $has
    stat -f --printf='free\t%a\t%S\n' /nix/store
    boot=
    [ "$is_root" = no ] || boot=$($root sh -c "$boot_files")
    if [ -n "$boot" ]; then
        printf '%s\n' "$boot"
        kept
    fi
    if [ -z "$lacks" ] && [ "$is_root" = yes ] && words=$(dry_run); then
        printf '%s\n' "$words" | while read -r line; do
            printf 'would\t%s\n' "$line"
        done
    fi
    echo end
    exit 0
} </dev/null
