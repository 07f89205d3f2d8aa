# Says what this host runs and how it is, as lines of words between tabs. Changes nothing and needs no root.
#
# Sent over ssh to `sh -s`, so it is one command: the shell has read all of it before it runs any of it, and nothing
# in it can take the rest for its input. It must get by with what any NixOS has, of whatever age. A line before it may set
# OTHER to a system that the host keeps, to hear of that one too.
{
    export LC_ALL=C QUOTING_STYLE=literal "PATH=$PATH:/run/current-system/sw/bin:/usr/bin:/bin"
    profiles=/nix/var/nix/profiles

    say() {
        printf '%s' "$1"
        shift
        [ $# -eq 0 ] || printf '\t%s' "$@"
        echo
    }

    # The release and the kernel of a system, found without starting a program: a host can have hundreds of them.
    describe() { # NAME SYSTEM
        version=
        [ ! -r "$2/nixos-version" ] || read -r version <"$2/nixos-version"
        kernel=
        for modules in "$2"/kernel-modules/lib/modules/*; do
            [ ! -d "$modules" ] || kernel=${modules##*/}
        done
        say about "$1" "$version" "$kernel"
    }

    # What of a system takes effect only when it is booted.
    boot_parts() { # NAME SYSTEM
        for part in kernel initrd kernel-modules; do
            [ ! -e "$2/$part" ] || say part "$1" "$part" "$(readlink -f "$2/$part")"
        done
        params=
        [ ! -r "$2/kernel-params" ] || read -r params <"$2/kernel-params"
        say part "$1" kernel-params "$params"
    }

    # What a system asks of the one before it: another init, or other values here, and it can only be booted.
    switch_parts() { # NAME SYSTEM
        interface=
        [ ! -r "$2/init-interface-version" ] || read -r interface <"$2/init-interface-version"
        say init "$1" "$interface"
        [ ! -r "$2/switch-inhibitors" ] || say inhibitors "$1" "$(tr '\n\t' '  ' <"$2/switch-inhibitors")"
    }

    is_nixos=no
    [ ! -e /etc/NIXOS ] || is_nixos=yes
    os=
    while IFS='=' read -r key value; do
        [ "$key" != PRETTY_NAME ] || os=$value
    done </etc/os-release
    read -r boot_id </proc/sys/kernel/random/boot_id
    read -r uptime _ </proc/uptime
    say begin 1
    say os "$is_nixos" "$os" "$(uname -m)"
    say boot "$boot_id" "$(date +%s)" "${uptime%%.*}"

    tell_of() { # NAME SYSTEM
        say system "$1" "$(readlink -f "$2")"
        describe "$1" "$2"
        boot_parts "$1" "$2"
        switch_parts "$1" "$2"
    }
    for name in current booted; do
        [ ! -L "/run/$name-system" ] || tell_of "$name" "/run/$name-system"
    done
    [ ! -e "${OTHER:-}" ] || tell_of other "$OTHER"
    if [ -L "$profiles/system" ]; then
        say profile "$(readlink "$profiles/system")"
        for chosen in "$profiles"/system/specialisation/*; do
            [ ! -e "$chosen" ] || say specialisation "${chosen##*/}" "$(readlink -f "$chosen")"
        done
    fi

    set --
    for link in "$profiles"/system-*-link; do
        [ ! -L "$link" ] || set -- "$@" "$link"
    done
    # one program for all of them
    [ $# -eq 0 ] || stat -c 'link	%Y	%N' -- "$@"
    for link; do
        describe "${link##*/}" "$link"
    done

    say systemd "$(timeout 10 systemctl is-system-running)"
    timeout 10 systemctl list-units --failed --plain --no-legend --no-pager --full | while read -r unit _; do
        say failed "$unit"
    done
    say end
    exit 0
} </dev/null 2>/dev/null
