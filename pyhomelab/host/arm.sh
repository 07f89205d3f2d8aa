# Starts the supervisor on this host, unless something speaks against it; says which, as words between tabs.
#
# Sent as root to `sh -s`, after lines that set RUN, OLD, NEW, PROFILE, HOLDER, TOKEN_SHA256, ACTIVATION_SECONDS,
# PROBATION_SECONDS, LONGEST (seconds after which the supervisor is hung) and SUPERVISOR (the text of supervisor.sh).
# It is one command: a connection that breaks off while it is sent starts nothing. Sent again, it says the same again.
# shellcheck shell=sh disable=SC2153  # set by those lines
{
    PATH=$OLD/sw/bin:$OLD/sw/sbin:/usr/bin:/bin
    LC_ALL=C
    export PATH LC_ALL
    umask 077
    base=/run/pyhomelab
    directory=$base/$RUN
    roots=/nix/var/nix/gcroots/pyhomelab

    verdict() {
        printf 'verdict'
        printf '\t%s' "$@"
        echo
        exit 0
    }

    is_supervised() { # RUN
        case $(systemctl show --property=ActiveState --value "pyhomelab-$1.service") in
        inactive | failed) return 1 ;;
        *) return 0 ;; # no answer, too
        esac
    }

    for tool in cat cut flock head mkdir mv nix-env nix-store readlink rm sha256sum sleep sync systemctl systemd-run \
        timeout tr; do
        command -v "$tool" >/dev/null || verdict lacks "$tool"
    done
    mkdir -p "$base" "$roots" || verdict failed "$base and $roots cannot be made"

    # One at a time from here to the end. The kernel opens this lock again whatever becomes of this shell.
    exec 9>"$base/arming"
    flock -w 30 9 || verdict failed "another deployer does not come to an end"

    read -r uptime _ </proc/uptime
    uptime=${uptime%%.*}
    if [ -e "$base/lock" ]; then
        { read -r held && read -r holder && read -r since && read -r began; } <"$base/lock"
        if is_supervised "$held"; then
            if [ "$held" = "$RUN" ] && grep -qxF "TOKEN_SHA256=$TOKEN_SHA256" "$directory/order"; then
                verdict armed "$(cat /proc/sys/kernel/random/boot_id)"
            fi
            verdict held "$held" "$holder" "$since" "$((uptime - began))"
        fi
        rm -f "$base/lock" # its supervisor is gone
    fi
    if [ -e "$directory/order" ]; then
        grep -qxF "TOKEN_SHA256=$TOKEN_SHA256" "$directory/order" || verdict failed "this run was here already"
        verdict armed "$(cat /proc/sys/kernel/random/boot_id)" # and has ended already
    fi

    current=$(readlink -f /run/current-system)
    [ "$current" = "$OLD" ] || verdict moved "$current"
    nix-store --check-validity "$NEW" 2>/dev/null || verdict collected "$NEW"
    if [ ! -x "$NEW/bin/switch-to-configuration" ] || [ ! -e "$NEW/nixos-version" ]; then
        verdict no-system "$NEW"
    fi

    # What past runs left behind.
    for past in "$base"/*/; do
        past=${past%/}
        past=${past##*/}
        if [ "$past" != "$RUN" ] && [ -n "$(find "$base/$past" -prune -mmin +1440)" ] && ! is_supervised "$past"; then
            rm -rf "${base:?}/$past"
        fi
    done
    for past in "$roots"/*/; do
        past=${past%/}
        past=${past##*/}
        [ -d "$base/$past" ] || rm -rf "${roots:?}/$past"
    done

    mkdir -p "$directory" "$roots/$RUN"
    write() {
        ln -sfn "$OLD" "$directory/old" && ln -sfn "$directory/old" "$roots/$RUN/old" &&
            ln -sfn "$NEW" "$directory/new" && ln -sfn "$directory/new" "$roots/$RUN/new" &&
            printf '%s' "$SUPERVISOR" >"$directory/supervisor.sh" &&
            echo armed >"$directory/state" &&
            printf '%s\n' "$RUN" "$HOLDER" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" "$uptime" >"$base/lock" &&
            printf '%s\n' "RUN=$RUN" "OLD=$OLD" "NEW=$NEW" "PROFILE=$PROFILE" "TOKEN_SHA256=$TOKEN_SHA256" \
                "ACTIVATION_SECONDS=$ACTIVATION_SECONDS" "PROBATION_SECONDS=$PROBATION_SECONDS" \
                >"$directory/order.new" &&
            mv -f "$directory/order.new" "$directory/order"
    }
    if ! write; then
        rm -rf "$directory" "${roots:?}/$RUN" "$base/lock"
        verdict failed "$directory cannot be written to"
    fi

    # Of the old system and by its own path: /bin/sh is the new one's after the switch.
    shell=$(readlink -f /bin/sh)
    # mixed: what is left of a switch goes with the supervisor, or nobody could switch back.
    # IgnoreOnIsolate, DefaultDependencies: a new system that falls into emergency mode takes all with it but this,
    # which only a shutdown stops, and that while there still are file systems.
    # OOM*: a new system that needs all memory is a reason to go back, not to lose the way.
    # ExecStopPost: whoever kills the supervisor has not stopped the way back.
    said=$(
        systemd-run --quiet --collect --no-ask-password --service-type=exec --unit="pyhomelab-$RUN" \
            --description="pyhomelab tries a system" \
            --property=KillMode=mixed --property=IgnoreOnIsolate=yes --property=DefaultDependencies=no \
            --property=Conflicts=shutdown.target --property=Before=shutdown.target --property=After=local-fs.target \
            --property=OOMPolicy=continue --property=OOMScoreAdjust=-900 \
            --property=RuntimeMaxSec="$LONGEST" --property=TimeoutStopSec="$LONGEST" \
            --property=ExecStopPost="$shell $directory/supervisor.sh $directory --after" \
            "$shell" "$directory/supervisor.sh" "$directory" 2>&1
    ) || {
        rm -rf "$directory" "${roots:?}/$RUN" "$base/lock"
        verdict failed "systemd-run: $said"
    }
    verdict armed "$(cat /proc/sys/kernel/random/boot_id)"
} </dev/null
