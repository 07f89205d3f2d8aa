"""The checks that the inventory declares: a unit, a TCP port, a page, a command."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pyhomelab.checks.certificates import page_lasts
from pyhomelab.checks.check import NOT_JUDGED, Check, script
from pyhomelab.text.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.decide.overview import Overview
    from pyhomelab.model import DeclaredCheck

_PAGE_IS_WELL = 200
_ONE_CONNECTION = 10
_UNIT = f"""
    loaded=$(systemctl show --property=LoadState --value -- "$UNIT") || exit 1
    [ "$loaded" != not-found ] || {{ echo "there is no such unit"; exit {NOT_JUDGED}; }}
    active=$(systemctl show --property=ActiveState --value -- "$UNIT") || exit 1
    case $active in
    active | reloading | refreshing) ;;
    *) echo "it is $active" && exit 1 ;;
    esac
"""
_TCP = """
    timeout "$SECONDS_EACH" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$HOST" "$PORT" && exit 0
    [ $? -ne 124 ] || echo "no answer within $SECONDS_EACH s"
    exit 1
"""
_HTTP = """
    code=$(curl --disable --silent --show-error --insecure --globoff --noproxy '*' --max-time "$SECONDS_EACH" \\
        --output /dev/null --write-out '%{http_code}' --url "$URL") || exit 1
    [ "$code" = "$STATUS" ] || { echo "it answers with $code"; exit 1; }
"""
# Its own exit code says nothing but well or not.
_COMMAND = """
    sh -c "$COMMAND" && exit 0
    echo "exit $?"
    exit 1
"""


def declared_checks(overview: Overview, machine: str) -> Iterator[Check]:
    """Ask what the inventory declares for a machine."""
    for name, check in overview.machine(machine).checks.items():
        yield _declared(machine, name, check)
        if check.http is not None and check.http.lower().startswith("https:"):
            shows = f"`curl -vk {shlex.quote(check.http)}` shows it"
            mend = f"on {machine}, {shows}; the journal of what renews it says why it did not"
            yield page_lasts(f"{name}: the certificate of {quoted(check.http)} lasts", check.http, mend)


def _declared(machine: str, name: str, check: DeclaredCheck) -> Check:
    if check.unit is not None:
        mend = f"on {machine}, `systemctl status {check.unit}` and `journalctl -eu {check.unit}` say why"
        return _made(f"{name}: {check.unit} is active", script(_UNIT, UNIT=check.unit), check, mend)
    each = str(min(check.timeout, _ONE_CONNECTION))
    if check.tcp is not None:
        host, _, port = check.tcp.rpartition(":")
        values = {"HOST": host.strip("[]"), "PORT": port, "SECONDS_EACH": each}
        mend = f"on {machine}, `ss -ltnp 'sport = :{port}'` says who listens, if that is to be the machine itself"
        return _made(f"{name}: {check.tcp} takes connections", script(_TCP, needs=("bash",), **values), check, mend)
    if check.http is not None:
        status = str(check.status or _PAGE_IS_WELL)
        values = {"URL": check.http, "STATUS": status, "SECONDS_EACH": each}
        mend = f"on {machine}, `curl -vk {shlex.quote(check.http)}` shows the answer"
        return _made(
            f"{name}: {quoted(check.http)} answers {status}", script(_HTTP, needs=("curl",), **values), check, mend
        )
    command = quoted(check.command)
    mend = f"on {machine}, run it as root to see why: `{command}`"
    return _made(f"{name}: `{command}` succeeds", script(_COMMAND, COMMAND=str(check.command)), check, mend)


def _made(name: str, text: str, check: DeclaredCheck, mend: str) -> Check:
    limit = check.timeout if check.command is not None else min(check.timeout, 2 * _ONE_CONNECTION)
    return Check(name, "declared", text, check.timeout, mend, limit=limit)
