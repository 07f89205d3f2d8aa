# Says how the trial of a system stands on this host, as words between tabs. Changes nothing.
#
# Sent as root to `sh -s`, after lines that set RUN and PROFILE; one command, as the other scripts are.
# shellcheck shell=sh
{
    export LC_ALL=C "PATH=$PATH:/run/current-system/sw/bin:/usr/bin:/bin"
    directory=/run/pyhomelab/$RUN
    read -r boot_id </proc/sys/kernel/random/boot_id
    read -r uptime _ </proc/uptime
    printf '%s\t%s\n' begin 1
    # Asked before the state is read: a supervisor that has ended by then has written its last one.
    printf '%s\t%s\n' unit "$(timeout 10 systemctl show --property=ActiveState --value "pyhomelab-$RUN.service")"
    if [ -e "$directory/state" ]; then
        {
            read -r state
            printf '%s\t%s\n' state "$state"
            while read -r line; do printf '%s\t%s\t%s\n' fact "${line%%=*}" "${line#*=}"; done
        } <"$directory/state"
    fi
    printf '%s\t%s\t%s\n' boot "$boot_id" "${uptime%%.*}"
    printf '%s\t%s\n' current "$(readlink -f /run/current-system)"
    printf '%s\t%s\n' profile "$(readlink -f "$PROFILE")"
    if [ -e "$directory/log" ]; then
        sed '/^-- going back: /q' "$directory/log" | tail -n 20 | cut -c 1-500 | while IFS= read -r line; do printf '%s\t%s\n' log "$line"; done
    fi
    printf '%s\n' end
    exit 0
} </dev/null 2>/dev/null
