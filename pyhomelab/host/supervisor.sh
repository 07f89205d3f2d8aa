#!/bin/sh
# Tries a new system on this host, and brings the old one back unless somebody says in time that all is well.
#
# Runs as a transient systemd unit of its own, so it outlives ssh, sshd, the network and whoever started it. It needs a
# POSIX shell, coreutils, systemd and Nix, all of the *old* system: the new one may be the thing that is broken.
#
#   supervisor.sh DIRECTORY           the unit's main process
#   supervisor.sh DIRECTORY --after   when that has ended, however it did: whoever killed it has not stopped the way back
#
# DIRECTORY belongs to root alone and holds:
#   order    RUN, OLD, NEW, PROFILE, TOKEN_SHA256, ACTIVATION_SECONDS, PROBATION_SECONDS, as NAME=value lines
#   state    written here: what goes on, as a word and details, then NAME=value lines; replaced whole
#   log      written here: what the systems' own programs said
#   token    written by the deployer over a new connection: the word whose hash is in `order`
#   abort    written by the deployer: stop waiting and go back
#   hold     written by the deployer: the way back failed, but a person will look after it; do not restart
#
# States: armed, testing, probation, committing, rolling-back; and the last ones: committed, refused (nothing was changed),
# superseded (somebody activated a third system), rolled-back, rollback-failed (restarts soon, unless held), restarting.
set -u
umask 077

directory=$1
# shellcheck source=/dev/null  # NAME=value lines, quoted by the deployer
. "$directory/order"
PATH=$OLD/sw/bin:$OLD/sw/sbin:/usr/bin:/bin
LC_ALL=C
export PATH LC_ALL

log=$directory/log
facts=
child=
no_check=

# Seconds since boot: a clock that is set while we wait moves no deadline. No program is started to learn it.
uptime_seconds() {
    read -r uptime _ </proc/uptime
    echo "${uptime%%.*}"
}

running() {
    readlink -f /run/current-system
}

say() { # STATE DETAIL…
    text="$*
uptime=$(uptime_seconds)
current=$(running)${facts}"
    # Where /run is full there is no room for a second file, but for what the first one held.
    { printf '%s\n' "$text" >"$directory/state.new" && mv -f "$directory/state.new" "$directory/state"; } 2>/dev/null ||
        printf '%s\n' "$text" >"$directory/state" 2>/dev/null
    echo "$*" 2>/dev/null
}

fact() { # NAME VALUE
    facts="$facts
$1=$2"
}

# All that has failed or fails again and again, as words.
failed_units() {
    timeout 10 systemctl list-units --state=failed,auto-restart --plain --no-legend --no-pager --full 2>/dev/null |
        while read -r unit _; do printf '%s ' "$unit"; done
}

# What systemd is at: the numbers of its jobs with their units.
jobs_of_systemd() {
    timeout 10 systemctl list-jobs --plain --no-legend --no-pager --full 2>/dev/null |
        while read -r job unit _; do echo "$job $unit"; done
}

# The jobs that were not there before the test, but for one that would stop ourselves.
our_jobs() {
    jobs_of_systemd | while read -r job unit; do
        case $jobs_before in *" $job "*) continue ;; esac
        [ "$unit" = "pyhomelab-$RUN.service" ] || echo "$job $unit"
    done
}

# Its output goes to a file and not to the journal, which may be what breaks: who prints in vain dies of it, halfway.
switch() { # SYSTEM ACTION
    NIXOS_NO_CHECK=$no_check timeout --kill-after=10 "$ACTIVATION_SECONDS" \
        "$1/bin/switch-to-configuration" "$2" </dev/null >>"$log" 2>&1
}

finish() {
    timeout 10 cat "$directory/log" 2>/dev/null
    rm -rf "/nix/var/nix/gcroots/pyhomelab/$RUN"
    rm -f "${directory%/*}/lock" # nobody else can have taken it while this unit lives
    exit 0
}

# --- back ---

# What of the switch is left, which may have ended before what it had started: it would go on changing this host, or
# hold the lock without which nobody can switch. The unit's cgroup knows it all; this shell has no child here.
kill_what_is_left() {
    while IFS=: read -r _ _ group; do
        case $group in */"pyhomelab-$RUN.service") ;; *) continue ;; esac
        while read -r pid; do
            [ "$pid" = $$ ] || kill -KILL "$pid"
        done <"/sys/fs/cgroup$group/cgroup.procs"
    done </proc/self/cgroup 2>/dev/null
}

# A start that hangs would be waited for by the old system too.
cancel_our_jobs() {
    our_jobs | while read -r job unit; do
        echo "cancelling what systemd is at: $unit" >>"$log"
        timeout 10 systemctl cancel "$job" >>"$log" 2>&1
    done
}

# What the host wants at boot and does not have; above all after emergency mode, into which a mount that fails puts it,
# and which no switch leaves by itself. Each by its name: a target that is active already passes nothing on.
start_what_boots() {
    timeout "$ACTIVATION_SECONDS" \
        systemctl start default.target multi-user.target sockets.target timers.target </dev/null >>"$log" 2>&1
}

# Tries the old system's own way; again while somebody else's switch is at work.
switch_back() {
    patience=$(($(uptime_seconds) + ACTIVATION_SECONDS))
    while :; do
        switch "$OLD" test
        code=$?
        if [ "$code" != 11 ] || [ "$(uptime_seconds)" -ge "$patience" ]; then
            break
        fi
        sleep 1
    done
    [ "$(running)" = "$OLD" ] || return 1
    # 2, 4: a snippet or a unit failed, as it may always have; the switch went to its end
    case $code in 0 | 2 | 4) ;; *) return 1 ;; esac
    start_what_boots
    return 0
}

# What a switch does at its heart, for a host on which no switch works: one can log in to it, but services may still
# be the new system's.
activate_by_hand() {
    {
        timeout --kill-after=10 "$ACTIVATION_SECONDS" "$OLD/activate"
        timeout 60 systemctl daemon-reload
        timeout 60 systemctl start dbus.socket
        switch "$OLD" test
        start_what_boots
    } </dev/null >/dev/null 2>&1
}

go_back() { # REASON
    # It ends before anything else; children do not inherit this.
    trap : TERM INT HUP
    say rolling-back "$1"
    # What explains it is above this line, whatever the old system has to say when it comes back.
    echo "-- going back: $1" >>"$log" 2>/dev/null
    # The old system passed its own checks once; nothing may keep it from coming back.
    no_check=1
    kill_what_is_left
    cancel_our_jobs
    if switch_back; then
        say rolled-back "$1"
        finish
    fi
    # No switch works without D-Bus, which the new system may have stopped; none works whose output finds no room.
    log=/dev/null
    timeout 60 systemctl start dbus.socket >/dev/null 2>&1
    if switch_back; then
        say rolled-back "$1"
        finish
    fi
    activate_by_hand
    restart_unless_held "$1"
}

# The boot default is the old system still: a restart is the last way back. If somebody gets through to this host,
# they can do better.
restart_unless_held() { # REASON
    trap - TERM INT HUP # a host that is shut down meanwhile has its restart
    deadline=$(($(uptime_seconds) + PROBATION_SECONDS))
    fact restart "$deadline"
    say rollback-failed "$1"
    while [ "$(uptime_seconds)" -lt "$deadline" ]; do
        [ ! -e "$directory/hold" ] || finish
        sleep 0.2
    done
    say restarting "$1"
    timeout 30 systemctl --no-block reboot
    sleep 300
    sync
    systemctl --force --force reboot
    finish
}

# --- forward ---

# A host that would boot another system than it runs surprises whoever looks at it next: so it runs the old one again. The
# profile says what boots, and must not say otherwise.
cannot_commit() { # REASON GENERATION
    if [ -n "$2" ]; then
        timeout "$ACTIVATION_SECONDS" nix-env --profile "$PROFILE" --switch-generation "$2" >>"$log" 2>&1
        no_check=1
        switch "$PROFILE" boot || fact boots unknown
    fi
    go_back "$1"
}

commit() {
    trap : TERM INT HUP
    if [ "$(running)" != "$NEW" ]; then
        say superseded
        finish
    fi
    say committing
    before=
    if [ "$(readlink -f "$PROFILE")" != "$NEW" ]; then
        before=$(readlink "$PROFILE")
        before=${before%-link}
        before=${before##*-}
    fi
    if ! timeout "$ACTIVATION_SECONDS" nix-env --profile "$PROFILE" --set "$NEW" >>"$log" 2>&1; then
        cannot_commit "the profile could not be set" ""
    fi
    if ! switch "$NEW" boot; then
        cannot_commit "the boot loader could not be written" "$before"
    fi
    # On the disk before anybody hears of it.
    timeout 60 sync --file-system "${PROFILE%/*}" /boot 2>/dev/null
    say committed
    finish
}

wait_for_the_deployer() { # CODE
    deadline=$(($(uptime_seconds) + PROBATION_SECONDS))
    fact failed "$(failed_units)"
    fact deadline "$deadline"
    say probation "$1"
    while [ "$(uptime_seconds)" -lt "$deadline" ]; do
        if [ -e "$directory/abort" ]; then
            go_back "$(head -c 400 "$directory/abort" | tr -cd '[:print:]')"
        fi
        if [ -e "$directory/token" ]; then
            said=$(sha256sum <"$directory/token")
            [ "${said%% *}" != "$TOKEN_SHA256" ] || commit
        fi
        sleep 0.2
    done
    go_back "nobody confirmed it within $PROBATION_SECONDS s"
}

# A switch that has begun to plan leaves these lists until it is through.
is_untouched() {
    [ "$(running)" = "$OLD" ] &&
        [ ! -e /run/nixos/start-list ] && [ ! -e /run/nixos/restart-list ] && [ ! -e /run/nixos/reload-list ]
}

try() {
    fact before "$(failed_units)"
    say testing
    began=$(uptime_seconds)
    # In the background, so that this shell hears when it is told to stop.
    timeout --kill-after=10 "$ACTIVATION_SECONDS" "$NEW/bin/switch-to-configuration" test </dev/null >>"$log" 2>&1 &
    child=$!
    wait "$child"
    code=$?
    child=
    case $code in
    # 4: units failed; whether that matters is judged against those that had failed before
    0 | 4) wait_for_the_deployer "$code" ;;
    11) # another switch is at work, which is not ours to undo
        say refused "$code"
        finish
        ;;
    1 | 100 | 126 | 127) # a check, an init that only a restart changes, or nothing that could be run
        if is_untouched; then
            say refused "$code"
            finish
        fi
        ;;
    124 | 137)
        if [ $(($(uptime_seconds) - began)) -ge "$ACTIVATION_SECONDS" ]; then
            waiting=$(our_jobs | while read -r _ unit; do printf ' %s' "$unit"; done | head -c 200)
            go_back "activation took longer than $ACTIVATION_SECONDS s${waiting:+, waiting for$waiting}"
        fi
        ;;
    esac
    go_back "switch-to-configuration ended with $code"
}

# Go on where the main process was when it ended against its will.
recover() { # REASON
    # A host that shuts down comes up with the old system.
    [ "$(timeout 10 systemctl is-system-running)" != stopping ] || exit 0
    phase=
    if [ -e "$directory/state" ]; then
        read -r phase _ <"$directory/state"
    fi
    case $phase in
    armed | '')
        say refused 0
        finish
        ;;
    testing | probation | rolling-back) go_back "$1" ;;
    committing) commit ;;
    rollback-failed) restart_unless_held "$1" ;;
    esac
    exit 0
}

# shellcheck disable=SC2317  # by a signal
interrupted() {
    trap : TERM INT HUP
    if [ -n "$child" ]; then
        kill "$child"
        wait "$child"
    fi
    recover "the supervisor was told to stop"
}

# The journal may be gone; what we say of ourselves is no reason to die.
trap : PIPE

if [ "${2-}" = --after ]; then
    jobs_before=$(cat "$directory/jobs" 2>/dev/null)
    # It ended by itself, whatever it could write down.
    [ "${SERVICE_RESULT-}" != success ] || exit 0
    recover "the supervisor was killed (${SERVICE_RESULT-})"
else
    jobs_before=" $(jobs_of_systemd | while read -r job _; do printf '%s ' "$job"; done)"
    echo "$jobs_before" >"$directory/jobs"
    trap interrupted TERM INT HUP
    try
fi
