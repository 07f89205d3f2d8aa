#!/bin/sh
# Reboots this host into a new system, and into the old one again unless somebody says in time that all is well.
#
# It lies in a directory of root's that outlives the reboot, and needs a POSIX shell, coreutils, systemd and Nix, all of
# the *old* system: the new one may be the thing that is broken.
#
#   proof.sh DIRECTORY prepare   a transient unit's main process, in the system that runs: it ends in the reboot
#   proof.sh DIRECTORY --after   when that has ended, however it did
#   proof.sh DIRECTORY           pyhomelab-proof.service, in whichever system came up
#
# DIRECTORY belongs to root alone and holds:
#   order    RUN, OLD, NEW, PROFILE, HOLDER, TOKEN_SHA256, ACTIVATION_SECONDS, PROOF_SECONDS, BEGAN_IN (a boot id), as
#            lines of a shell; gone when all is decided
#   state    written here: what goes on, as a word and details, then NAME=value lines; replaced whole
#   facts    written here: what was found, as NAME=value lines, of which the last of a name holds
#   log      written here: what the systems' own programs said
#   token    written by the deployer after the reboot: the word whose hash is in `order`
#   abort    written by the deployer: stop waiting and go back
#
# States: armed, preparing, rebooting, waiting, proving, going-back; and the last ones: refused (nothing was changed),
# proven, uncommitted (runs the new system, boots the old), superseded (a third system runs, and was left alone),
# rolled-back, rollback-failed.
set -u
umask 077

directory=$1
[ -e "$directory/order" ] || exit 0 # all is decided
# shellcheck source=/dev/null  # written by the deployer
. "$directory/order"
PATH=$OLD/sw/bin:$OLD/sw/sbin:/usr/bin:/bin
LC_ALL=C
export PATH LC_ALL

log=$directory/log
loader=untouched

# Seconds since boot: a clock that is set while we wait moves no deadline.
uptime_seconds() {
    read -r uptime _ </proc/uptime
    echo "${uptime%%.*}"
}

running() {
    readlink -f /run/current-system
}

# On the disk before anything follows from it: the next to read it may be the next boot.
say() { # STATE DETAIL…
    text="$*
uptime=$(uptime_seconds)
current=$(running)"
    { printf '%s\n' "$text" >"$directory/state.new" && mv -f "$directory/state.new" "$directory/state"; } 2>/dev/null ||
        printf '%s\n' "$text" >"$directory/state" 2>/dev/null
    timeout 30 sync --file-system "$directory" 2>/dev/null
    echo "$*" 2>/dev/null
}

fact() { # NAME VALUE
    printf '%s=%s\n' "$1" "$2" >>"$directory/facts"
}

known() { # NAME
    value=
    while IFS= read -r line; do
        case $line in "$1="*) value=${line#*=} ;; esac
    done <"$directory/facts"
    echo "$value"
}

failed_units() {
    timeout 10 systemctl list-units --state=failed,auto-restart --plain --no-legend --no-pager --full 2>/dev/null |
        while read -r unit _; do printf '%s ' "$unit"; done
}

# Its output goes to a file and not to the journal, which may be what breaks: who prints in vain dies of it, halfway.
install_loader() { # SYSTEM NO_CHECK
    NIXOS_NO_CHECK=$2 timeout --kill-after=10 "$ACTIVATION_SECONDS" \
        "$1/bin/switch-to-configuration" boot </dev/null >>"$log" 2>&1
}

profile() { # WORD…
    timeout --kill-after=10 "$ACTIVATION_SECONDS" nix-env --profile "$PROFILE" "$@" </dev/null >>"$log" 2>&1
}

number_of() { # LINK
    number=${1%-link}
    echo "${number##*-}"
}

# The number under which the profile keeps a system: of several the present one, else the highest.
generation_of() { # SYSTEM
    if [ "$(readlink -f "$PROFILE")" = "$1" ]; then
        number_of "$(readlink "$PROFILE")"
        return
    fi
    highest=0
    for kept in "$PROFILE"-*-link; do
        if [ "$(readlink -f "$kept")" = "$1" ] && [ "$(number_of "$kept")" -gt "$highest" ]; then
            highest=$(number_of "$kept")
        fi
    done
    [ "$highest" = 0 ] || echo "$highest"
}

finish() {
    timeout 10 cat "$directory/log" 2>/dev/null
    control=/etc/systemd/system.control
    rm -f "$directory/order" "$directory/token" "$directory/abort" \
        "$control/pyhomelab-proof.service" "$control/sysinit.target.wants/pyhomelab-proof.service"
    rmdir "$control/sysinit.target.wants" "$control" 2>/dev/null
    rm -rf /nix/var/nix/gcroots/pyhomelab-proof
    rm -f /run/pyhomelab/lock # nobody else can have taken it while this unit lives
    exit 0
}

restart() {
    timeout 60 sync
    trap - TERM INT HUP
    timeout 30 systemctl --no-block reboot
    # A shutdown that hangs has had its time, and what it was to stop as well.
    sleep 300
    timeout 60 sync
    systemctl --force --force reboot
}

# --- the boot loader: the new system once, the old one ever after ---

# systemd-boot: the firmware keeps the word, and the loader takes it away before it starts what it names.
systemd_boot_once() { # OLD-GENERATION NEW-GENERATION
    esp=$(timeout 30 bootctl --print-esp-path 2>/dev/null) || return 1
    boot=$(timeout 30 bootctl --print-boot-path 2>/dev/null) || return 1
    default=
    while read -r key value; do
        [ "$key" != default ] || default=$value
    done <"$esp/loader/loader.conf" || return 1
    # shellcheck disable=SC2254  # it is a pattern there, too
    case nixos-generation-$1.conf in $default) ;; *) return 1 ;; esac
    [ -e "$boot/loader/entries/nixos-generation-$1.conf" ] || return 1
    [ -e "$boot/loader/entries/nixos-generation-$2.conf" ] || return 1
    timeout 30 bootctl set-oneshot "nixos-generation-$2.conf" </dev/null >>"$log" 2>&1
}

# GRUB takes the word away itself, and can do that on plain partitions of plain file systems only. Elsewhere it would
# start the new system again and again.
grub_can_write() {
    case $(stat --file-system --format=%T /boot/grub) in ext2/ext3 | msdos) ;; *) return 1 ;; esac
    device=$(df --output=source /boot/grub | tail -n 1)
    case $(readlink -f "$device") in
    /dev/sd* | /dev/nvme* | /dev/vd* | /dev/mmcblk* | /dev/xvd* | /dev/hd*) return 0 ;;
    esac
    return 1
}

grub_env() { # VARIABLE VALUE: empty takes it away
    environment=/boot/grub/grubenv
    {
        echo '# GRUB Environment Block'
        if [ -r "$environment" ]; then
            while IFS= read -r line; do
                case $line in '#'* | "$1="*) ;; *) echo "$line" ;; esac
            done <"$environment"
        fi
        [ -z "$2" ] || echo "$1=$2"
    } >"$directory/grubenv"
    missing=$((1024 - $(wc -c <"$directory/grubenv")))
    [ "$missing" -ge 0 ] || return 1
    while [ "$missing" -gt 0 ]; do
        printf '#'
        missing=$((missing - 1))
    done >>"$directory/grubenv"
    cat "$directory/grubenv" >"$environment" && sync "$environment"
}

# The variable by which GRUB's configuration lets itself be told what to start once; older ones call it otherwise.
grub_variable() {
    for name in next_entry saved_entry; do
        if grep -q "set default=.*{$name}" /boot/grub/grub.cfg && grep -q "save_env $name\$" /boot/grub/grub.cfg &&
            grep -q "set $name=\$" /boot/grub/grub.cfg; then
            echo "$name"
            return
        fi
    done
    return 1
}

grub_once() { # NEW-GENERATION
    menu=/boot/grub/grub.cfg
    [ -r "$menu" ] && grub_can_write && variable=$(grub_variable) || return 1
    # What it starts otherwise is its first entry, and that must be the old system.
    grep -q 'set default="\?0"\?$' "$menu" || return 1
    sed -n '/^menuentry /,/^}/p' "$menu" | sed '/^}/q' | grep -qF "init=$OLD/init" || return 1
    all=$(sed -n 's/^submenu "\([^"]* - All configurations\)".*/\1/p' "$menu" | head -n 1)
    entry=$(sed -n "s/^[[:space:]]*menuentry \"\\([^\"]* - Configuration $1 ([^\"]*)\\)\".*/\\1/p" "$menu" | head -n 1)
    if [ -z "$all" ] || [ -z "$entry" ]; then
        return 1
    fi
    grub_env "$variable" "$all>$entry"
}

start_once() { # OLD-GENERATION NEW-GENERATION
    [ "$PROFILE" = /nix/var/nix/profiles/system ] || return 1 # the entries of others have other names
    systemd_boot_once "$1" "$2" || grub_once "$2"
}

forget_once() {
    if command -v bootctl >/dev/null; then
        timeout 30 bootctl set-oneshot '' </dev/null >>"$log" 2>&1
    fi
    if [ -e /boot/grub/grubenv ] && variable=$(grub_variable); then
        grub_env "$variable" ''
    fi
}

# --- before the reboot ---

refuse() { # WHY
    trap : TERM INT HUP
    forget_once
    first=$(known first_generation)
    if [ -n "$first" ]; then
        profile --switch-generation "$first"
        [ "$loader" = untouched ] || install_loader "$PROFILE" 1 || fact boots unknown
    fi
    say refused "$1"
    finish
}

prepare() {
    fact before "$(failed_units)"
    fact systemd_before "$(timeout 10 systemctl is-system-running)"
    say preparing
    fact first_generation "$(number_of "$(readlink "$PROFILE")")"
    old=$(generation_of "$OLD")
    if [ -z "$old" ]; then # it was only tried: the menu would not have it
        profile --set "$OLD" || refuse "the profile could not be set"
        old=$(generation_of "$OLD")
    fi
    fact old_generation "$old"
    profile --set "$NEW" || refuse "the profile could not be set"
    loader=touched
    install_loader "$OLD" 1 || refuse "the boot loader could not be written"
    if start_once "$old" "$(generation_of "$NEW")"; then
        fact once yes
    else
        fact once no
        install_loader "$NEW" '' || refuse "the boot loader could not be written"
    fi
    say rebooting
    sleep 5 # whoever asks hears in time whether there is a second chance
    restart
}

# --- after it ---

# The old system is the default, or was made so; a restart brings it.
go_back() { # WHY
    trap : TERM INT HUP
    if [ "$OLD" = "$NEW" ]; then # it was only restarted, and would be so again and again
        say rollback-failed "$1"
        finish
    fi
    tries=$(known tries)
    fact tries $((${tries:-0} + 1))
    say going-back "$1"
    forget_once
    profile --switch-generation "$(known old_generation)"
    install_loader "$OLD" 1
    if [ "${tries:-0}" -ge 3 ]; then
        say rollback-failed "$1"
        finish
    fi
    restart
}

superseded() {
    say superseded
    finish
}

prove() {
    trap : TERM INT HUP
    [ "$(running)" = "$NEW" ] || superseded
    say proving
    if ! profile --set "$NEW" || ! install_loader "$NEW" 1; then
        # The profile says what boots, also where that is the old system.
        profile --switch-generation "$(known old_generation)"
        install_loader "$OLD" 1 || fact boots unknown
        say uncommitted "the boot loader could not be written"
        finish
    fi
    timeout 60 sync --file-system "${PROFILE%/*}" /boot 2>/dev/null
    say proven
    finish
}

wait_for_the_deployer() { # DEADLINE
    while [ "$(uptime_seconds)" -lt "$1" ]; do
        if [ -e "$directory/abort" ]; then
            go_back "$(head -c 400 "$directory/abort" | tr -cd '[:print:]')"
        fi
        if [ -e "$directory/token" ]; then
            said=$(sha256sum <"$directory/token")
            [ "${said%% *}" != "$TOKEN_SHA256" ] || prove
        fi
        sleep 0.2
    done
    go_back "nobody confirmed it within $PROOF_SECONDS s"
}

came_up() {
    case $phase in
    proving) prove ;; # it had been confirmed
    going-back) go_back "$why" ;;
    waiting)
        # The deadline is of the boot in which it was set.
        [ "$(known boot)" = "$boot_id" ] || go_back "it restarted before it was confirmed"
        ;;
    *)
        fact boot "$boot_id"
        fact deadline $(($(uptime_seconds) + PROOF_SECONDS))
        say waiting
        ;;
    esac
    wait_for_the_deployer "$(known deadline)"
}

fell_back() {
    case $phase in
    going-back) ;;
    waiting | proving) why="it restarted before it was confirmed" ;;
    rebooting) why="it did not come up" ;;
    *) why="the host restarted before it was ready for it" ;;
    esac
    forget_once
    profile --switch-generation "$(known old_generation)"
    install_loader "$OLD" 1 || fact boots unknown
    say rolled-back "$why"
    finish
}

decide() {
    read -r boot_id </proc/sys/kernel/random/boot_id
    [ "$boot_id" != "$BEGAN_IN" ] || exit 0 # it has not rebooted yet
    mkdir -p /run/pyhomelab
    printf '%s\n' proof "$HOLDER" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" "$(uptime_seconds)" >/run/pyhomelab/lock
    phase=
    why=
    [ ! -e "$directory/state" ] || read -r phase why <"$directory/state"
    case $(readlink -f /run/booted-system) in
    "$NEW") came_up ;;
    "$OLD") fell_back ;;
    *) superseded ;;
    esac
}

# --- which of them ---

# The journal may be gone; what we say of ourselves is no reason to die.
trap : PIPE

case ${2-} in
prepare)
    trap 'refuse "it was told to stop"' TERM INT HUP
    prepare
    ;;
--after)
    # It ended by itself, or by the restart that it asked for; then whoever comes up decides.
    [ "${SERVICE_RESULT-}" != success ] || exit 0
    [ "$(timeout 10 systemctl is-system-running)" != stopping ] || exit 0
    loader=touched
    refuse "it was killed (${SERVICE_RESULT-})"
    ;;
*) decide ;;
esac
