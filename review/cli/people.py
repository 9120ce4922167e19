"""The command `review users`: the people of a project."""

import sys
from pathlib import Path
from uuid import UUID

import click
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import OPERATOR
from review.cli.connection import data_dir_option, settings_for
from review.cli.database import in_transaction
from review.cli.terminal import in_line
from review.configuration import service as configuration
from review.identity import people
from review.identity.rules import PERSONAL_ROLES, Role

MAX_LINE_BYTES = 8 * 1024  # of a password's line; the longest that is taken has far fewer
PROJECT = click.option("--project", required=True, metavar="P", help="The project.")


@click.group()
def users() -> None:
    """Create the people of a project."""


@users.command("create")
@PROJECT
@click.option("--email", required=True, metavar="E", help="What they sign in with.")
@click.option("--role", required=True, type=click.Choice([role.value for role in PERSONAL_ROLES]))
@click.option("--name", default="", help="What they are called; by default what stands before the @.")
@click.option("--pool", "pools", multiple=True, metavar="POOL", help="A pool they may work; repeat for several.")
@click.option("--password-stdin", is_flag=True, help="Read their password from standard input.")
@data_dir_option
def create_user(
    project: str,
    email: str,
    role: str,
    name: str,
    pools: tuple[str, ...],
    password_stdin: bool,  # noqa: FBT001  click's flag
    data_dir: Path | None,
) -> None:
    """Create a person, or add a known one to the project.

    Without a password they cannot sign in to the pages, only act through a personal token.
    """
    settings = settings_for(data_dir)
    password = _read_password() if password_stdin else None

    async def act(tx: AsyncSession) -> UUID:
        await _check_pools(tx, project, pools)
        return await people.create_user(
            tx,
            project=project,
            email=email,
            role=Role(role),
            pools=pools,
            name=name,
            password=password,
            actor=OPERATOR,
        )

    user_id = in_transaction(settings, act)
    click.echo(f"{in_line(email)} is now {role} in {project} (id {user_id}).", err=True)


def _read_password() -> str:
    line = sys.stdin.buffer.readline(MAX_LINE_BYTES)
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as fault:
        message = "The password on standard input is not text in UTF-8. Nobody was created."
        raise click.ClickException(message) from fault


async def _check_pools(tx: AsyncSession, project: str, pools: tuple[str, ...]) -> None:
    if not pools:
        return
    known = (await configuration.get_version(tx, project=project)).document["pools"]
    for pool in pools:
        if pool not in known:
            message = f"Project {project!r} has no pool {pool!r}; it has {', '.join(known)}. Nobody was created."
            raise click.UsageError(message)
