# Runs checks on this host, all side by side, none for longer than it may; says how each ended, as words between tabs.
#
# Sent as root to `sh -s`, after a line that sets the positional parameters: for each check the seconds that it may run,
# and its script. One command, as the other scripts are. What a check said comes line by line behind its number, so that
# none can speak for another.
# shellcheck shell=sh
{
    export LC_ALL=C "PATH=$PATH:/run/current-system/sw/bin:/run/current-system/sw/sbin:/usr/bin:/bin:/usr/sbin:/sbin"
    # Whoever logged in: what root keeps, such as the cache of kubectl, is not written into somebody's home.
    export HOME=/root
    cd / || exit 1
    umask 077
    place=$(mktemp -d /run/pyhomelab-checks.XXXXXX) || exit 1
    trap 'rm -rf "$place"' EXIT
    trap 'exit 1' HUP INT TERM

    now() {
        read -r uptime _ </proc/uptime
        echo "${uptime%%.*}"
    }

    # timeout ends the whole process group of a check, but not what left that; the pipe is let go of a little later.
    # What this shell itself says of a process that was killed is no word of the check.
    attend() { # NUMBER SECONDS
        began=$(now)
        {
            (exec timeout --kill-after=2 "$2" sh "$place/$1.sh") 2>&1
            code=$?
            printf '%s\t%s\n' "$code" "$(($(now) - began))" >"$place/$1.ended"
        } 2>/dev/null | timeout --kill-after=1 "$(($2 + 4))" tail -c 2000 >"$place/$1.said"
    }

    count=0
    full=
    while [ $# -gt 1 ]; do
        count=$((count + 1))
        printf '%s' "$2" >"$place/$count.sh" || full=yes
        attend "$count" "$1" &
        shift 2
    done
    wait

    printf '%s\t%s\n' begin 1
    [ -z "$full" ] || echo full
    number=0
    while [ "$number" -lt "$count" ]; do
        number=$((number + 1))
        ended=$(cat "$place/$number.ended") && printf '%s\t%s\t%s\n' check "$number" "$ended"
        tail -n 5 "$place/$number.said" | cut -c 1-300 | while IFS= read -r line || [ -n "$line" ]; do
            printf '%s\t%s\t%s\n' said "$number" "$line"
        done
    done
    printf '%s\n' end
    exit 0
} </dev/null
