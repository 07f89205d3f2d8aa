# shellcheck shell=bash
# What the scripts beside this file share; sourced, never run.
set -euo pipefail

HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
export HOME
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034  # read by the scripts that source this
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pyhomelab

# What dpkg asks before it starts a service.
policy=/usr/sbin/policy-rc.d

# All talk goes to stderr: stdout carries what a caller reads.
say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "error: $*"
    exit 1
}

# Whether HOST answers on 443 within two seconds; behind a proxy only curl can tell.
reachable() {
    if command -v curl >/dev/null; then
        curl --silent --head --output /dev/null --max-time 2 "https://$1"
    else
        timeout 2 bash -c ": </dev/tcp/$1/443" 2>/dev/null
    fi
}

# Whether VERSION is at least WANTED.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# A stamp that changes with the text of FILES and the further words given after `--`.
stamp_of() {
    local files=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        files+=("$1")
        shift
    done
    { cat "${files[@]}" && echo "$@"; } | sha256sum | cut -c 1-12
}

installed_packages() {
    # shellcheck disable=SC2016  # dpkg-query's own variables
    dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u
}

missing_packages() {
    comm -23 <(printf '%s\n' "$@" | sort -u) <(installed_packages)
}

can_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ "${PYHOMELAB_APT:-yes}" != no ]
}

# dpkg's talk is shown only when it failed.
apt_install_quietly() {
    local talk
    talk=$(DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends \
        -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" </dev/null 2>&1) && return
    printf '%s\n' "$talk" | tail -n 5 >&2
    return 1
}

# Services of PACKAGES stay off, now and after the next boot: they are wanted for their checkers alone.
disable_services_of() {
    command -v systemctl >/dev/null || return 0
    local unit
    dpkg --listfiles "$@" | sed -n 's,^\(/usr\)\?/lib/systemd/system/\([^/@]*\.\(service\|socket\)\)$,\2,p' |
        while read -r unit; do
            systemctl --quiet --no-reload disable "$unit" >/dev/null 2>&1 || true
        done
}

# Installs those of PACKAGES that are not there, without starting what they bring; needs root.
apt_install() {
    local missing new ours=no before package
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    before=$(installed_packages)
    if [ ! -e "$policy" ]; then
        # 101 is "not allowed"
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        ours=yes
    fi
    if ! apt_install_quietly "${missing[@]}" 2>/dev/null; then
        apt-get update --quiet=2 </dev/null >&2 || true # a third party's source may be down
        if ! apt_install_quietly "${missing[@]}"; then
            for package in "${missing[@]}"; do
                apt_install_quietly "$package" || say "could not install $package"
            done
        fi
    fi
    [ $ours = no ] || rm -f "$policy"
    mapfile -t new < <(comm -13 <(echo "$before") <(installed_packages))
    [ ${#new[@]} -eq 0 ] || disable_services_of "${new[@]}"
}

# Puts a Nix on PATH and, where its cache cannot be reached, spares each command the wait for it.
use_nix() {
    local directory
    directory=$("$root/tools/get-nix") || return 1
    PATH=$directory:$PATH
    NIX_CONFIG="extra-experimental-features = nix-command flakes
${NIX_CONFIG:-}"
    reachable cache.nixos.org || NIX_CONFIG="$NIX_CONFIG
substituters ="
    export PATH NIX_CONFIG
}
