# Begins the reboot of this host into a new system, unless something speaks against it; says which, as words between tabs.
#
# Sent as root to `sh -s`, after lines that set RUN, OLD, NEW, PROFILE, HOLDER, TOKEN_SHA256, ACTIVATION_SECONDS,
# PROOF_SECONDS, LONGEST (seconds after which the preparation is hung) and PROOF (the text of proof.sh). It is one command:
# a connection that breaks off while it is sent begins nothing. Sent again, it says the same again.
# shellcheck shell=sh disable=SC2153  # set by those lines
{
    running=$(readlink -f /run/current-system)
    PATH=$OLD/sw/bin:$OLD/sw/sbin:$running/sw/bin:/usr/bin:/bin
    LC_ALL=C
    export PATH LC_ALL
    umask 077
    base=/run/pyhomelab
    directory=/var/lib/pyhomelab/proof
    roots=/nix/var/nix/gcroots/pyhomelab-proof
    control=/etc/systemd/system.control
    unit=pyhomelab-proof.service
    read -r boot_id </proc/sys/kernel/random/boot_id
    read -r uptime _ </proc/uptime
    uptime=${uptime%%.*}

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

    for tool in cat cut df flock grep head mkdir mv nix-env nix-store readlink rm sed sha256sum sleep stat sync \
        systemctl systemd-run tail timeout tr wc; do
        command -v "$tool" >/dev/null || verdict lacks "$tool"
    done
    mkdir -p "$base" "$directory" || verdict failed "$base and $directory cannot be made"

    # One at a time from here to the end. The kernel opens this lock again whatever becomes of this shell.
    exec 9>"$base/arming"
    flock -w 30 9 || verdict failed "another deployer does not come to an end"

    if grep -qxF "TOKEN_SHA256=$TOKEN_SHA256" "$directory/facts" 2>/dev/null; then
        verdict begun "$(sed -n 's/^began_in=//p' "$directory/facts")"
    fi
    if [ -e "$base/lock" ]; then
        { read -r held && read -r holder && read -r since && read -r began; } <"$base/lock"
        # The trial of this very run has said its last word, and is about to end.
        patience=50
        while [ "$held" = "$RUN" ] && [ "$patience" -gt 0 ] && is_supervised "$held"; do
            sleep 0.2
            patience=$((patience - 1))
        done
        ! is_supervised "$held" || verdict held "$held" "$holder" "$since" "$((uptime - began))"
        rm -f "$base/lock" # its supervisor is gone
    fi

    # Tried and confirmed before, or to be booted instead of tried.
    [ "$running" = "$OLD" ] || [ "$running" = "$NEW" ] || verdict moved "$running"
    for system in "$OLD" "$NEW"; do
        nix-store --check-validity "$system" 2>/dev/null || verdict collected "$system"
        if [ ! -x "$system/bin/switch-to-configuration" ] || [ ! -e "$system/nixos-version" ]; then
            verdict no-system "$system"
        fi
    done

    shell=$(readlink -f "$OLD/sw/bin/sh") && [ -x "$shell" ] || shell=$(readlink -f /bin/sh)

    # A system that was not made with the lab's modules does not know of the order: it is told by a unit of the host's
    # own, which is there as long as the order.
    tell_systemd() {
        (umask 022 && mkdir -p "$control/sysinit.target.wants") &&
            printf '%s\n' '[Unit]' 'Description=Prove the booted system, or go back to the old one' \
                'DefaultDependencies=no' 'After=local-fs.target' 'Conflicts=shutdown.target' 'Before=shutdown.target' \
                'IgnoreOnIsolate=yes' 'RefuseManualStop=yes' 'StartLimitIntervalSec=0' \
                "ConditionPathExists=$directory/order" \
                '[Service]' "ExecStart=$shell $directory/proof.sh $directory" \
                'Restart=on-failure' 'RestartSec=1' 'OOMScoreAdjust=-900' 'OOMPolicy=continue' \
                >"$control/$unit" &&
            chmod 644 "$control/$unit" && ln -sfn "../$unit" "$control/sysinit.target.wants/$unit"
    }
    knows() { # SYSTEM
        [ -e "$1/etc/systemd/system/$unit" ]
    }

    tidy() {
        rm -rf "$directory" "$roots"
        rm -f "$base/lock" "$control/$unit" "$control/sysinit.target.wants/$unit"
        rmdir "$control/sysinit.target.wants" "$control" 2>/dev/null
    }

    write() {
        ln -sfn "$OLD" "$roots/old" && ln -sfn "$NEW" "$roots/new" &&
            printf '%s' "$PROOF" >"$directory/proof.sh" &&
            echo armed >"$directory/state" &&
            printf '%s\n' "run=$RUN" "TOKEN_SHA256=$TOKEN_SHA256" "began_in=$boot_id" >"$directory/facts" &&
            printf '%s\n' "$RUN-reboot" "$HOLDER" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" "$uptime" >"$base/lock" &&
            {
                printf '%s\n' "RUN=$RUN" "OLD=$OLD" "NEW=$NEW" "PROFILE=$PROFILE" "TOKEN_SHA256=$TOKEN_SHA256" \
                    "ACTIVATION_SECONDS=$ACTIVATION_SECONDS" "PROOF_SECONDS=$PROOF_SECONDS" "BEGAN_IN=$boot_id" &&
                    printf "HOLDER='%s'\n" "$(printf '%s' "$HOLDER" | tr -d "'")"
            } >"$directory/order.new" &&
            mv -f "$directory/order.new" "$directory/order"
    }

    rm -rf "$directory" "$roots"
    mkdir -p "$directory" "$roots"
    if ! write; then
        tidy
        verdict failed "$directory cannot be written to"
    fi
    if ! { knows "$OLD" && knows "$NEW"; } && ! tell_systemd 2>/dev/null; then
        tidy
        verdict failed "it has no $unit, and $control cannot be written to"
    fi
    said=$(
        systemd-run --quiet --collect --no-ask-password --service-type=exec --unit="pyhomelab-$RUN-reboot" \
            --description="pyhomelab reboots into a system" \
            --property=KillMode=mixed --property=IgnoreOnIsolate=yes --property=DefaultDependencies=no \
            --property=Conflicts=shutdown.target --property=Before=shutdown.target --property=After=local-fs.target \
            --property=OOMPolicy=continue --property=OOMScoreAdjust=-900 \
            --property=RuntimeMaxSec="$LONGEST" --property=TimeoutStopSec="$LONGEST" \
            --property=ExecStopPost="$shell $directory/proof.sh $directory --after" \
            "$shell" "$directory/proof.sh" "$directory" prepare 2>&1
    ) || {
        tidy
        verdict failed "systemd-run: $said"
    }
    verdict begun "$boot_id"
} </dev/null
