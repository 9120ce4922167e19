"""The commands `review keys` and `review tokens`: secrets go to standard output, everything else beside it."""

from pathlib import Path

import click

from review.audit.rules import OPERATOR
from review.cli.connection import data_dir_option, settings_for
from review.cli.database import in_transaction
from review.cli.people import PROJECT
from review.identity import keys
from review.identity.rules import Role


@click.group("keys")
def keys_group() -> None:
    """Create the keys that services call with."""


@click.group("tokens")
def tokens_group() -> None:
    """Create personal tokens, with which a program acts as a person."""


@keys_group.command("create")
@PROJECT
@click.option("--role", default=Role.SERVICE.value, show_default=True, type=click.Choice([role.value for role in Role]))
@click.option("--name", required=True, metavar="N", help="What the key is for, as the audit will call it.")
@data_dir_option
def create_key(project: str, role: str, name: str, data_dir: Path | None) -> None:
    """Make a key and print its secret, and nothing else; it is not kept and cannot be shown again."""
    secret = in_transaction(
        settings_for(data_dir),
        lambda tx: keys.create_key(tx, project=project, name=name, role=Role(role), actor=OPERATOR),
    )
    click.echo(secret)


@tokens_group.command("create")
@PROJECT
@click.option("--user", "email", required=True, metavar="E", help="Whose token it is, by e-mail.")
@click.option("--name", required=True, metavar="N", help="What the token is for.")
@data_dir_option
def create_token(project: str, email: str, name: str, data_dir: Path | None) -> None:
    """Make a personal token and print it, and nothing else; it is not kept and cannot be shown again."""
    secret = in_transaction(
        settings_for(data_dir),
        lambda tx: keys.create_token(tx, project=project, email=email, name=name, actor=OPERATOR),
    )
    click.echo(secret)
