"""What the whole lab shares: its name, its people, its time, and how far resources may be promised twice."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from pyhomelab.model.base import Called, Matching, Model, Name, json_schema, refuse
from pyhomelab.model.units import Ratio
from pyhomelab.text.bech32 import decoded

_X25519 = 32


def _age_key(value: object) -> str:
    """Read a recipient: of age itself (`age1…`), or of one of its plugins for hardware keys (`age1yubikey1…`)."""
    if not isinstance(value, str) or not value.startswith("age1"):
        return refuse(
            "is not a recipient of age", "write the public key, which begins with age1; `age-keygen -y` shows it"
        )
    key = decoded(value)
    if key is None:
        return refuse("is mistyped: its checksum does not fit", "copy it again, as `age-keygen -y` shows it")
    prefix, data = key
    if prefix == "age" and len(data) != _X25519:
        return refuse("is not a recipient of age", f"its key has {len(data)} bytes, and one of age has {_X25519}")
    return value


SshKey = Annotated[
    str,
    Matching(
        r"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com|"
        r"sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]{16,}={0,2}(?: [^\x00-\x1f\x7f-\x9f\u2028\u2029]*)?",
        "is not an OpenSSH public key",
        "paste the one line of a file such as ~/.ssh/id_ed25519.pub",
    ),
    Called("public key of OpenSSH", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA mika"),
]
AgeKey = Annotated[
    str,
    PlainValidator(_age_key),
    json_schema(type="string", pattern="^age1[a-z0-9+-]*[ac-hj-np-z02-9]{38,}$"),
    Called("recipient of age", "age1yt3tfqlfrwdwx0z0ynwplcr6qxcxfaqycuprpmy89nr83ltx74tqdpszlw"),
]
Domain = Annotated[
    str,
    Matching(
        r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
        "is not a domain name",
        "home.arpa is reserved for homes (RFC 8375)",
    ),
    Called("domain name", "home.arpa"),
]
TimeZone = Annotated[
    str,
    Matching("[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,2}", "is not a time zone", "write it like Europe/Berlin or UTC"),
    Called("time zone", "Europe/Berlin"),
]
Email = Annotated[
    str,
    Matching(r"[^\s@\x00-\x1f]+@[^\s@\x00-\x1f]+", "is not an e-mail address", "write it like admin@example.org"),
    Called("e-mail address", "admin@example.org"),
]

Release = Annotated[
    str,
    Matching(r"2[0-9]\.(?:05|11)", "is not a NixOS release in quotes", 'write it like "26.05"'),
    Called("release of NixOS", "26.05"),
]
Tags = tuple[Name, ...]


class Admin(Model):
    """A person who administers every machine of the lab."""

    name: Name = Field(title="User name", description="The login on every machine.", examples=["mika"])
    ssh_keys: tuple[SshKey, ...] = Field(
        title="SSH public keys",
        description="The only way in: no machine of the lab takes a password.",
        min_length=1,
    )
    age_keys: tuple[AgeKey, ...] = Field(
        (),
        title="Age recipients",
        description="Further keys that open the lab's secrets, beside the SSH keys of type ed25519 and rsa.",
    )


class Overcommit(Model):
    """How many times over a host's resources may be promised to its guests."""

    memory: Ratio = Field(1.0, title="Memory", description="Promised memory divided by what the host can give.")
    cpu: Ratio = Field(4.0, title="CPU", description="Promised virtual CPUs divided by the host's threads.")
    disk: Ratio = Field(1.0, title="Disk", description="Promised volume sizes divided by what the pool can hold.")


class Lab(Model):
    """What all machines have in common."""

    name: Name = Field(
        title="Name", description="The lab's name; host ids and MAC addresses derive from it.", examples=["home"]
    )
    domain: Domain = Field("home.arpa", title="Domain", description="DNS domain of every machine.")
    timezone: TimeZone = Field("UTC", title="Time zone", description="Time zone of every machine.")
    state_version: Release = Field(
        title="State version",
        description="The NixOS release first installed (system.stateVersion); it stays when the release is upgraded.",
    )
    admins: tuple[Admin, ...] = Field(title="Admins", description="Who may log in, and with which keys.", min_length=1)
    ntp: tuple[Domain, ...] = Field(
        (),
        title="Time servers",
        description="Time servers to ask, instead of NixOS's own choice.",
        examples=[["192.168.10.1"]],
    )
    email: Email | None = Field(
        None,
        title="E-mail",
        description="Who hears of failing disks; needs a mailer in the machines' extra.nix.",
    )
    overcommit: Overcommit = Field(
        Overcommit(),
        title="Over-commitment",
        description="Ratios for every host that does not state its own.",
    )
    drbd_version: Literal["9", "8.4"] = Field(
        "9",
        title="DRBD version",
        description="9 builds the module of LINBIT; 8.4 is the kernel's own: two replicas, no witness, no quorum.",
    )
