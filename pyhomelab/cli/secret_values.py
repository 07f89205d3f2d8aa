"""`pyhomelab secret set`, `get`, `rm` and `rekey`: what takes values in, gives them out, or opens them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyhomelab.cli.options import inventory_option, json_option, print_json
from pyhomelab.errors import Refused
from pyhomelab.inventory.load import load
from pyhomelab.secrets.custody import put, rekey, remove
from pyhomelab.secrets.needed import Secret, host_key_of, host_keys_of, secrets_of
from pyhomelab.secrets.oversight import keyless
from pyhomelab.secrets.vault import file_of, opened, readers_of, secrets_directory, strays
from pyhomelab.text.wording import listed, near_miss

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyhomelab.model import Inventory
    from pyhomelab.secrets.custody import Rekeyed

_LARGEST = 1 << 20


def known_secret(name: str, lab: Inventory) -> Secret:
    """Find a secret of the lab, host keys included, by its name; raises Refused with the near miss."""
    by_name = {secret.name: secret for secret in (*host_keys_of(lab), *secrets_of(lab))}
    if name not in by_name:
        raise Refused("is not a secret that the lab needs", where=name, hint=near_miss(name, by_name, kind="secret"))
    return by_name[name]


@click.command("set")
@click.argument("name")
@inventory_option
@click.option("--file", "source", type=click.Path(path_type=Path), help="Read the value from this file.")
@click.option("--force", is_flag=True, help="Replace one that pyhomelab made; what runs with the old one may break.")
def set_(name: str, *, inventory: Path, source: Path | None, force: bool) -> None:
    """Keep a value of yours as the secret NAME, encrypted for those who read it.

    The value comes from a hidden prompt, from stdin or from a file, never from an argument. One line break behind a
    single line is not part of it.

    Example: pyhomelab secret set backup-password < password.txt
    """
    lab = load(inventory)
    directory = secrets_directory(inventory)
    secret, readers = known_secret(name, lab), readers_of(lab, directory)
    for file in put(secret, _value(name, source), directory, readers, force=force):
        click.echo(f"written: {file}")
    for finding in keyless([secret], readers, directory):
        click.echo(str(finding))
    click.echo(f"Next: git add {directory}; the machines that read it have it after the next deploy")


def _value(name: str, source: Path | None) -> str:
    if source is None and sys.stdin.isatty():
        value: str = click.prompt(name, hide_input=True, confirmation_prompt=True, err=True)
        return value
    where = str(source or "stdin")
    try:
        data = source.read_bytes() if source is not None else sys.stdin.buffer.read(_LARGEST + 1)
    except OSError as error:
        raise Refused(f"cannot be read: {(error.strerror or str(error)).lower()}", where=where) from None
    if len(data) > _LARGEST:
        raise Refused("is larger than a secret can be, 1 MiB", where=where)
    try:
        return data.decode()
    except UnicodeDecodeError:  # its own words would show what was read
        raise Refused("is not UTF-8 text", where=where, hint="encode it, as `base64` does") from None


@click.command("get")
@click.argument("name")
@inventory_option
def get_(name: str, *, inventory: Path) -> None:
    """Print the value of the secret NAME, opened with your own key.

    Nothing else goes to stdout, and no line break is added but on a terminal.

    Example: pyhomelab secret get k3s-home-token | wl-copy
    """
    lab = load(inventory)
    directory = secrets_directory(inventory)
    secret = _left_over(name) if name in strays(lab, directory) else known_secret(name, lab)
    value = opened(secret, directory)
    click.echo(value, nl=sys.stdout.isatty() and not value.endswith("\n"))


def _left_over(name: str) -> Secret:
    machine = name.removeprefix(host_key_of("").name)
    return host_key_of(machine) if machine != name else Secret(name, "not needed any more", "own secret", ())


@click.command("rm")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@inventory_option
@click.option("--force", is_flag=True, help="Remove what the lab needs, too.")
def rm_(names: tuple[str, ...], *, inventory: Path, force: bool) -> None:
    """Remove the files of secrets that the lab does not need any more.

    Git keeps what was committed, and the machines have what they were given: a value that somebody should not know
    any more has to be replaced where it is used.

    Example: pyhomelab secret rm k3s-old-token
    """
    lab = load(inventory)
    directory = secrets_directory(inventory)
    unneeded = strays(lab, directory)
    files: list[Path] = []
    for name in dict.fromkeys(names):
        secret = _left_over(name) if name in unneeded else known_secret(name, lab)
        if name not in unneeded and not force:
            raise Refused(f"is needed: {secret.used_for}", where=name, hint="--force removes it all the same")
        found = [file for file in _files(secret, directory, lab) if file.exists()]
        if not found:
            raise Refused("is not there", where=str(file_of(secret, directory)))
        files += found
    remove(files, directory)
    for file in files:
        click.echo(f"removed: {file}")


def _files(secret: Secret, directory: Path, lab: Inventory) -> Iterator[Path]:
    yield file_of(secret, directory)
    # the host key of a machine of the lab stays pinned: it may be the machine's own by now
    if secret.public is not None and not (secret.kind == "SSH host key" and secret in host_keys_of(lab)):
        yield directory / secret.public


@click.command("rekey")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@inventory_option
@json_option
def rekey_(names: tuple[str, ...], *, inventory: Path, as_json: bool) -> None:
    """Encrypt the secrets NAME, or all, for those who are to read them by the inventory of today.

    Due when machines or people came or left, or have new keys. Opens them with your own key; changes all or none.

    Example: pyhomelab secret rekey
    """
    lab = load(inventory)
    directory = secrets_directory(inventory)
    secrets = [known_secret(name, lab) for name in dict.fromkeys(names)] or [*host_keys_of(lab), *secrets_of(lab)]
    for secret in secrets if names else []:
        if not file_of(secret, directory).exists():
            where = str(file_of(secret, directory))
            raise Refused("is not there", where=where, hint=f"`{secret.made_by}` makes it")
    done = rekey(secrets, directory, readers_of(lab, directory))
    if as_json:
        print_json(
            {"rekeyed": [{"secret": one.secret.name, "added": one.added, "removed": one.removed} for one in done]}
        )
        return
    for line in _told(done):
        click.echo(line)
    click.echo(f"Next: git add {directory}" if done else "every secret is for those who are to read it")


def _told(done: Sequence[Rekeyed]) -> Iterator[str]:
    for one in done:
        parts = [
            f"{listed(one.added)} added" if one.added else "",
            f"{listed(one.removed)} removed" if one.removed else "",
        ]
        yield f"{one.secret.name}: {', '.join(filter(None, parts))}"
    for one in done:
        if one.removed:
            anew = one.secret.made_by.replace(" generate ", " generate --force ")
            yield f"{listed(one.removed)} may know the value of {one.secret.name} still; `{anew}` makes another"
