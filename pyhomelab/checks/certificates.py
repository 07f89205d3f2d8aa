"""Certificates that end soon, of a cluster's own and of pages: a twentieth of their time is left to act in."""

from __future__ import annotations

from pyhomelab.checks.check import NOT_JUDGED, Check, Role, script

_PATIENCE = 10
_LASTS = """
    now=$(date +%s)
    lasts() { # WHOSE SINCE UNTIL
        since=$(date -d "$2" +%s) && until=$(date -d "$3" +%s) || return 1
        [ "$until" -gt "$now" ] || { echo "$1 ended on $3"; return 1; }
        [ $(((until - now) * 20)) -ge $((until - since)) ] || { echo "$1 ends on $3"; return 1; }
    }
"""
# Not every NixOS has a program for certificates. In one, two moments stand as ASCII: from when and until when.
_FILES_LAST = f"""
    moments() {{ # FILE
        sed -n '/^-----BEGIN CERT/,/^-----END CERT/ {{ /^-----/!p; /^-----END/q; }}' "$1" | base64 -d |
            grep -a -o -E '[0-9]{{14}}Z|[0-9]{{12}}Z' | head -n 2 |
            sed -E 's/^([0-9]{{12}})Z$/20\\1Z/; s/^(....)(..)(..)(..)(..)(..)Z$/\\1-\\2-\\3 \\4:\\5:\\6 UTC/'
    }}
    code=0
    seen=
    for file in $FILES; do
        [ -r "$file" ] || continue
        seen=yes
        since='' until=''
        {{ IFS= read -r since && IFS= read -r until; }} <<END
    $(moments "$file")
    END
        if [ -n "$until" ]; then
            lasts "$file" "$since" "$until" || code=1
        else
            echo "$file is no certificate that can be read"
            code=1
        fi
    done
    [ -n "$seen" ] || {{ echo "there are no certificates: this machine has joined no cluster yet"; exit {NOT_JUDGED}; }}
    exit "$code"
"""
_PAGE_LASTS = f"""
    answer=$(curl --disable --silent --show-error --insecure --globoff --noproxy '*' --max-time 10 \\
        --output /dev/null --write-out '%{{certs}}' --url "$URL") || exit 1
    since=$(printf '%s\\n' "$answer" | sed -n '/^Start date:/ {{ s///p; q; }}')
    until=$(printf '%s\\n' "$answer" | sed -n '/^Expire date:/ {{ s///p; q; }}')
    [ -n "$until" ] || {{ echo "this curl does not tell certificates"; exit {NOT_JUDGED}; }}
    lasts "its certificate" "$since" "$until"
"""


def files_last(name: str, role: Role, cluster: str, files: str, mend: str) -> Check:
    """Ask whether the certificates of a cluster on a machine last; `files` are patterns of the shell."""
    return Check(name, role, script(_LASTS + _FILES_LAST, FILES=files), _PATIENCE, mend, cluster, deep=True)


def page_lasts(name: str, url: str, mend: str) -> Check:
    """Ask whether the certificate of a page lasts."""
    return Check(name, "declared", script(_LASTS + _PAGE_LASTS, needs=("curl",), URL=url), _PATIENCE, mend, deep=True)
