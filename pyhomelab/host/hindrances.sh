# Says what of two systems on this host decides whether one can be switched to the other, as words between tabs.
#
# Sent to `sh -s`, after lines that set OLD and NEW; one command, as the other scripts are. Changes nothing.
# shellcheck shell=sh disable=SC2153  # set by those lines
{
    export LC_ALL=C
    printf '%s\t%s\n' begin 1
    for file in init-interface-version switch-inhibitors; do
        for name in old new; do
            [ "$name" = old ] && system=$OLD || system=$NEW
            text=
            if [ -r "$system/$file" ]; then
                text=$(while IFS= read -r line || [ -n "$line" ]; do printf '%s ' "$line"; done <"$system/$file")
                printf '%s\t%s\t%s\t%s\n' text "$name" "$file" "$text"
            fi
        done
    done
    printf '%s\n' end
    exit 0
} </dev/null 2>/dev/null
