"""What the journal of a lab knows of its machines, for commands that only read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyhomelab.cli.rolling import journal_file
from pyhomelab.deployment.journal import Journal
from pyhomelab.errors import HomelabError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyhomelab.deployment.journal import Deployment
    from pyhomelab.premises import Premises


def last_deployments(premises: Premises, hosts: Iterable[str]) -> dict[str, Deployment]:
    """Give what each machine was last given from here; a journal is read where there is one, and none is made.

    One that cannot be read keeps nobody from seeing how the machines are: it is said, and nothing is known.
    """
    file = journal_file(premises)
    if not file.exists():
        return {}
    try:
        with Journal.open(file) as journal:
            found = {host: journal.last_deployment(host) for host in hosts}
    except HomelabError as error:
        click.echo(str(error), err=True)
        return {}
    return {host: deployment for host, deployment in found.items() if deployment is not None}
