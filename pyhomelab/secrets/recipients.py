"""Public SSH keys as recipients of age, and who of the lab is behind which.

An admin's SSH key is a recipient as it is: sops opens such a file with ~/.ssh/id_ed25519 or ~/.ssh/id_rsa. A
machine's is not: sops-nix turns the host key into an age key (X25519), which opens nothing that was encrypted to the
SSH key itself. So a machine's public key is turned the same way.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyhomelab.text.bech32 import encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyhomelab.secrets.needed import Secret

_KEY_LENGTH = 32
_ED25519_BLOB = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"  # RFC 8709: the name and the length of what follows
_SHOWN = 24

# RFC 7748: the field, and the constant of the Edwards curve
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P


@dataclass(frozen=True, slots=True)
class Readers:
    """Who can be given a secret: every admin by some keys, and every machine whose host key is known.

    `former` are machines that left the lab and whose keys lie there still: they are given none.
    """

    admins: dict[str, tuple[str, ...]]
    machines: dict[str, str]
    former: dict[str, str] = field(default_factory=dict)

    def called_for(self, secret: Secret) -> dict[str, str]:
        """Give the recipients that a secret is to have, each with the name of who is behind it."""
        of_admins = {key: name for name, keys in self.admins.items() for key in keys}
        return of_admins | {self.machines[host]: host for host in secret.hosts if host in self.machines}

    def has_key(self, machine: str, recipients: Sequence[str]) -> bool:
        """Say whether a machine can open what these recipients can."""
        return machine in self.machines and self.machines[machine] in recipients

    def names_of(self, recipient: str) -> list[str]:
        """Name who is behind a recipient; a stranger is called by the recipient itself, shortened."""
        admins = [name for name, keys in self.admins.items() if recipient in keys]
        machines = [name for name, key in (self.machines | self.former).items() if recipient == key]
        shown = recipient if len(recipient) <= _SHOWN else f"{recipient[:_SHOWN]}…"
        return [*admins, *machines] or [shown]


def admin_recipients(ssh_keys: Sequence[str], age_keys: Sequence[str] = ()) -> tuple[str, ...]:
    """Give the keys that age can encrypt to, without comments, whose commas would separate recipients."""
    words = [key.split()[:2] for key in ssh_keys]
    of_ssh = (" ".join(key) for key in words if key[0] in ("ssh-ed25519", "ssh-rsa"))
    return tuple(dict.fromkeys([*of_ssh, *age_keys]))


def host_recipient(line: str) -> str | None:
    """Turn an ssh-ed25519 public key into age's `age1…`; None if the line is no such key."""
    words = line.split()
    if len(words) < 2 or words[0] != "ssh-ed25519":  # noqa: PLR2004 - type and key
        return None
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        return None
    if not blob.startswith(_ED25519_BLOB) or len(blob) != len(_ED25519_BLOB) + _KEY_LENGTH:
        return None
    u = _montgomery(blob[-_KEY_LENGTH:])
    return None if u is None else encoded("age", u)


def _montgomery(key: bytes) -> bytes | None:
    """Map a point of the Edwards curve to Curve25519, as its u coordinate; None if it is no point or has no image."""
    y = int.from_bytes(key, "little") & ((1 << 255) - 1)  # the last bit is the sign of x
    if y >= _P or y == 1:
        return None
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P)
    if pow(x_squared, (_P - 1) // 2, _P) == _P - 1:
        return None
    return ((1 + y) * pow(1 - y, -1, _P) % _P).to_bytes(_KEY_LENGTH, "little")
