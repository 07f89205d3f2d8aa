# Says how the reboot of this host into a new system stands, as words between tabs. Changes nothing.
#
# Sent as root to `sh -s`, after lines that set RUN and PROFILE; one command, as the other scripts are.
# shellcheck shell=sh
{
    export LC_ALL=C "PATH=$PATH:/run/current-system/sw/bin:/usr/bin:/bin"
    directory=/var/lib/pyhomelab/proof
    read -r boot_id </proc/sys/kernel/random/boot_id
    read -r uptime _ </proc/uptime
    printf '%s\t%s\n' begin 1
    # Asked before the state is read: what has ended by then has written its last word.
    for unit in "pyhomelab-$RUN-reboot.service" pyhomelab-proof.service; do
        printf '%s\t%s\n' unit "$(timeout 10 systemctl show --property=ActiveState --value "$unit")"
    done
    if grep -qxF "run=$RUN" "$directory/facts"; then
        read -r state <"$directory/state"
        printf '%s\t%s\n' state "$state"
        while IFS= read -r line; do
            case $line in TOKEN_SHA256=*) ;; *) printf '%s\t%s\t%s\n' fact "${line%%=*}" "${line#*=}" ;; esac
        done <"$directory/facts"
        if [ -e "$directory/log" ]; then
            tail -n 20 "$directory/log" | cut -c 1-500 | while IFS= read -r line; do printf '%s\t%s\n' log "$line"; done
        fi
    fi
    printf '%s\t%s\t%s\n' boot "$boot_id" "${uptime%%.*}"
    printf '%s\t%s\n' current "$(readlink -f /run/current-system)"
    printf '%s\t%s\n' booted "$(readlink -f /run/booted-system)"
    printf '%s\t%s\n' profile "$(readlink -f "$PROFILE")"
    printf '%s\t%s\n' systemd "$(timeout 10 systemctl is-system-running)"
    timeout 10 systemctl list-units --state=failed,auto-restart --plain --no-legend --no-pager --full |
        while read -r unit _; do printf '%s\t%s\n' failed "$unit"; done
    timeout 10 systemctl list-jobs --plain --no-legend --no-pager --full |
        while read -r _ unit _ state; do
            [ "$state" != running ] || printf '%s\t%s\n' starting "$unit"
        done
    printf '%s\n' end
    exit 0
} </dev/null 2>/dev/null
