"""The lab's own secrets → `homelab.secrets.own` of the machines that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.decide.options import Options, stated

if TYPE_CHECKING:
    from pyhomelab.decide.overview import Overview
    from pyhomelab.model import OwnSecret


def secret_options(overview: Overview, name: str) -> Options:
    """Give `homelab.secrets` of a machine, if it reads a secret of the lab's own."""
    secrets = overview.inventory.secrets
    own = {secret_name: _options(secret) for secret_name, secret in secrets.items() if name in secret.machines}
    return {"secrets": {"own": own}} if own else {}


def _options(secret: OwnSecret) -> Options:
    changed = {
        "owner": secret.owner if secret.owner != "root" else None,
        "group": secret.group if secret.group != "root" else None,
        "mode": secret.mode if secret.mode != "0400" else None,
        "restartUnits": list(secret.restart_units),
    }
    return {"usedFor": secret.used_for, **stated(changed)}
