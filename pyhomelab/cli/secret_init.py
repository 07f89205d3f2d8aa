"""`pyhomelab secret init`: whether this person can open the lab's secrets, and a key for one who cannot."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyhomelab.cli.options import inventory_option, json_option, print_json
from pyhomelab.cli.secret_report import mention_rekey
from pyhomelab.errors import Refused
from pyhomelab.files.amendment import Put, amended
from pyhomelab.files.worktree import write
from pyhomelab.inventory.load import load
from pyhomelab.premises import Premises
from pyhomelab.secrets.identities import age_key_file, identities, make_age_key
from pyhomelab.secrets.sops import decrypt, encrypt
from pyhomelab.secrets.vault import readers_of, refuse_without_admins, secrets_directory
from pyhomelab.text.wording import listed, near_miss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyhomelab.model import Inventory
    from pyhomelab.secrets.identities import Identity


@click.command("init")
@click.option(
    "--age", "with_age", is_flag=True, help="Make an age key, if there is none, and put it into the inventory."
)
@click.option("--admin", help="Whose key it is; by default the admin whose key is here, or the only one.")
@inventory_option
@json_option
def init_(*, with_age: bool, admin: str | None, inventory: Path, as_json: bool) -> None:
    """Find out whether you can open the lab's secrets, by encrypting and opening a trial.

    Keys are looked for where sops does: ~/.config/sops/age/keys.txt, ~/.ssh/id_ed25519 and ~/.ssh/id_rsa, and the files
    named by SOPS_AGE_KEY_FILE and SOPS_AGE_SSH_PRIVATE_KEY_FILE. An SSH key opens secrets as it is. --age is for those
    who have none of type ed25519 or rsa, or a hardware key alone; the private half stays here, out of the lab.

    Example: pyhomelab secret init --age
    """
    lab = load(inventory)
    added = _add_age_key(lab, inventory, admin) if with_age else None
    lab = load(inventory) if added else lab
    readers = readers_of(lab, secrets_directory(inventory))
    refuse_without_admins(readers)
    keys = {identity: _owners(identity, lab, inventory) for identity in identities(Premises(inventory).admin_key)}
    _try(sorted({key for of_admin in readers.admins.values() for key in of_admin}), inventory)
    if as_json:
        found = [{"file": str(key.file), "recipients": key.recipients, "admins": names} for key, names in keys.items()]
        print_json({"opens": True, "keys": found, "added": added})
        return
    if added:
        click.echo(f"{added} was put into the inventory")
    for identity, names in keys.items():
        opens = f"opens the secrets, as a key of {listed(names)}" if names else "is no key of an admin of the lab"
        click.echo(f"{identity.file} {opens}")
    click.echo(f"what is encrypted for {listed(readers.admins)} was opened here")
    mention_rekey(lab, inventory)


def _owners(identity: Identity, lab: Inventory, inventory: Path) -> list[str]:
    admins = readers_of(lab, secrets_directory(inventory)).admins
    return [name for name, keys in admins.items() if set(keys) & set(identity.recipients)]


def _add_age_key(lab: Inventory, inventory: Path, name: str | None) -> str | None:
    """Put the age key that is here, or a new one, into the inventory; gives it unless it was there."""
    index = _index_of(_admin(lab, inventory, name), lab)
    here = [identity for identity in identities(Premises(inventory).admin_key) if identity.file == age_key_file()]
    identity = here[0] if here else make_age_key(age_key_file())
    recipient, known = identity.recipients[0], lab.lab.admins[index].age_keys
    if recipient in known:
        return None
    path = ("lab", "admins", index, "age_keys")
    edit = Put((*path, len(known)), recipient) if known else Put(path, [recipient])
    write(Premises(inventory).directory, amended(inventory, [edit]))
    return recipient


def _admin(lab: Inventory, inventory: Path, name: str | None) -> str:
    names = [admin.name for admin in lab.lab.admins]
    if name is not None:
        if name not in names:
            raise Refused("is not an admin of the lab", where=name, hint=near_miss(name, names, kind="admin"))
        return name
    owners = [
        owner for identity in identities(Premises(inventory).admin_key) for owner in _owners(identity, lab, inventory)
    ]
    likely = [*owners, os.environ.get("USER", ""), *(names if len(names) == 1 else [])]
    found = [one for one in likely if one in names]
    if not found:
        raise Refused("it is not clear whose key it would be", where="lab.admins", hint=f"--admin {'|'.join(names)}")
    return found[0]


def _index_of(name: str, lab: Inventory) -> int:
    return [admin.name for admin in lab.lab.admins].index(name)


def _try(recipients: Sequence[str], inventory: Path) -> None:
    """Encrypt a text for the admins and open it; raises Refused if no key that is here does."""
    text = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="pyhomelab-") as directory:
        trial = Path(directory) / "trial.yaml"
        trial.write_text(encrypt("a trial", text, recipients), encoding="utf-8")
        try:
            is_same = decrypt(trial, Premises(inventory).admin_key) == text
        except Refused:
            is_same = False
    if not is_same:
        raise Refused(
            "what is encrypted for the admins of this lab is not opened by any key that sops finds here",
            where=str(inventory),
            hint="`pyhomelab secret init --age` makes a key of age and puts it into the inventory; then an admin "
            "who can open the secrets runs `pyhomelab secret rekey`",
        )
