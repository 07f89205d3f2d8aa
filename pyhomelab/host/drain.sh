# Empties a node of a Kubernetes cluster before its machine restarts, or opens it again; says how that went.
#
# Sent as root to `sh -s` on a server of the cluster, after lines that set ACTION (drain, open), NODE, DISTRIBUTION, RUN,
# PATIENCE (seconds) and BOOT (open: the boot id that Kubernetes knew before the restart; empty if there was none). One
# command, as the other scripts are. A drain that fails opens the node itself, also where nobody listens any more.
# shellcheck shell=sh disable=SC2153  # set by those lines
{
    export LC_ALL=C "PATH=$PATH:/run/current-system/sw/bin:/usr/local/bin:/usr/bin:/bin"
    mark=pyhomelab/cordoned-by

    verdict() {
        printf 'verdict'
        printf '\t%s' "$@"
        echo
        exit 0
    }

    kubectl() {
        case $DISTRIBUTION in
        k3s) timeout $((PATIENCE + 30)) k3s kubectl "$@" ;;
        *) timeout $((PATIENCE + 30)) kubectl --kubeconfig /etc/kubernetes/admin.conf "$@" ;;
        esac
    }

    last() { # TEXT
        printf '%s\n' "$1" | grep . | tail -n 1 | cut -c 1-400
    }

    # Closed or not, by which run, in which boot, ready or not: empty words are kept apart.
    look() {
        found=$(
            kubectl get node "$NODE" --request-timeout=20s --output \
                "jsonpath={.spec.unschedulable}|{.metadata.annotations.$mark}|{.status.nodeInfo.bootID}|{.status.conditions[?(@.type=='Ready')].status}" 2>&1
        ) || return 1
        IFS='|' read -r closed marked boot ready <<END
$found
END
    }

    open_it() {
        kubectl uncordon "$NODE" && kubectl annotate node "$NODE" "$mark-"
    }

    is_back() {
        [ "$ready" = True ] && { [ -z "$BOOT" ] || [ "$boot" != "$BOOT" ]; }
    }

    uptime_seconds() {
        read -r uptime _ </proc/uptime
        echo "${uptime%%.*}"
    }

    if [ "$ACTION" = drain ]; then
        if ! look; then
            case $found in
            *NotFound* | *'not found'*) verdict absent "$(last "$found")" ;;
            *) verdict unavailable "$(last "$found")" ;;
            esac
        fi
        ours=yes
        if [ "$closed" = true ] && [ -z "$marked" ]; then
            ours=no # a person closed it, and will open it
        else
            # The mark first: what closes the node without it would be taken for a person.
            said=$(kubectl annotate node "$NODE" "$mark=$RUN" --overwrite 2>&1 && kubectl cordon "$NODE" 2>&1) ||
                verdict unavailable "$(last "$said")"
        fi
        if said=$(kubectl drain "$NODE" --ignore-daemonsets --delete-emptydir-data --timeout="${PATIENCE}s" 2>&1); then
            verdict drained "$ours" "$boot"
        fi
        # What it was at for as long as it had time says more than that the time was over.
        why=$(printf '%s\n' "$said" | sed -n 's/^error when evicting //p' | tail -n 1 | cut -c 1-400)
        [ "$ours" = no ] || open_it >/dev/null 2>&1 || verdict still-closed "${why:-$(last "$said")}"
        verdict not-drained "${why:-$(last "$said")}"
    fi

    deadline=$(($(uptime_seconds) + PATIENCE))
    while :; do
        ready=
        if look; then
            found=
            [ -n "$marked" ] || verdict opened # somebody was faster
            ! is_back || break
        fi
        if [ "$(uptime_seconds)" -ge "$deadline" ]; then
            # Ready it is, though it never restarted as far as Kubernetes knows.
            [ "$ready" != True ] || break
            [ -z "$found" ] || verdict unavailable "$(last "$found")"
            verdict not-ready "it is not ready"
        fi
        sleep 1
    done
    said=$(open_it 2>&1) || verdict not-ready "$(last "$said")"
    verdict opened
} </dev/null
