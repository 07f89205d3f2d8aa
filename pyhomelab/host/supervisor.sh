#!/bin/sh
# Tries a new system on this host, and brings the old one back unless somebody says in time that all is well.
#
# Runs as a transient systemd unit of its own, so it outlives ssh, sshd, the network and whoever started it. It needs a
# POSIX shell, coreutils, systemd and Nix, all of the *old* system: the new one may be the thing that is broken.
#
#   supervisor.sh DIRECTORY
#
# DIRECTORY belongs to root alone and holds:
#   order    OLD, NEW, PROFILE, TOKEN_SHA256, ACTIVATION_SECONDS, PROBATION_SECONDS, as NAME=value lines
#   state    written here: one word, then details; replaced whole, so that a reader never sees half of it
#   token    written by the deployer over a new connection: the word whose hash is in `order`
#   abort    written by the deployer: stop waiting and go back
set -u

directory=$1
# shellcheck source=/dev/null  # NAME=value lines, quoted by the deployer
. "$directory/order"
PATH=$OLD/sw/bin:$OLD/sw/sbin
export PATH
umask 077

# Seconds since boot: a clock that is set while we wait moves no deadline.
uptime_seconds() {
    cut -d. -f1 /proc/uptime
}

# The state, with when it began, and what is running now.
say() {
    printf '%s\nuptime=%s\ncurrent=%s\n' "$*" "$(uptime_seconds)" "$(readlink /run/current-system)" >"$directory/state.new"
    mv -f "$directory/state.new" "$directory/state"
    echo "$*"
}

switch() { # SYSTEM ACTION SECONDS
    NIXOS_NO_CHECK=${no_check-} timeout --kill-after=10 "$3" "$1/bin/switch-to-configuration" "$2"
}

release() {
    rm -f "$directory/../lock"
}

go_back() {
    say "rolling-back $1"
    # The old system passed its own checks once; nothing may keep it from coming back.
    no_check=1
    if switch "$OLD" test "$ACTIVATION_SECONDS" || [ "$(readlink /run/current-system)" = "$OLD" ]; then
        say "rolled-back $1"
    else
        # The boot default is the old system still: a restart is the last way back.
        say "rollback-failed $1"
    fi
    release
    exit 0
}

commit() {
    say committing
    if ! nix-env --profile "$PROFILE" --set "$NEW"; then
        go_back "the profile could not be set"
    fi
    if ! switch "$NEW" boot "$ACTIVATION_SECONDS"; then
        say "committed-not-bootable the boot loader could not be written"
    else
        say committed
    fi
    release
    exit 0
}

say testing
switch "$NEW" test "$ACTIVATION_SECONDS"
code=$?
case $code in
    0 | 4) ;; # 4: units failed; whether that matters is judged against those that had failed before
    1 | 11 | 100)
        # refused before anything was touched: a check, another switch at work, or an init that only a restart changes
        if [ "$(readlink /run/current-system)" = "$OLD" ]; then
            say "refused $code"
            release
            exit 0
        fi
        go_back "switch-to-configuration ended with $code"
        ;;
    124 | 137) go_back "activation took longer than $ACTIVATION_SECONDS s" ;;
    *) go_back "switch-to-configuration ended with $code" ;;
esac

deadline=$(($(uptime_seconds) + PROBATION_SECONDS))
say "probation $code $deadline"
while [ "$(uptime_seconds)" -lt "$deadline" ]; do
    if [ -e "$directory/abort" ]; then
        go_back "$(head -c 200 "$directory/abort" | tr -cd '[:print:]')"
    fi
    if [ -e "$directory/token" ] && [ "$(sha256sum <"$directory/token" | cut -d' ' -f1)" = "$TOKEN_SHA256" ]; then
        commit
    fi
    sleep 0.2
done
go_back "nobody confirmed it within $PROBATION_SECONDS s"
