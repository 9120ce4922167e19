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
from review.identity.oidc import joining
from review.identity.people import PersonView
from review.identity.rules import PERSONAL_ROLES, Role
from review.identity.service import get_project

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


@users.command("set-role")
@PROJECT
@click.option("--email", required=True, metavar="E", help="Who it is about.")
@click.option("--role", required=True, help="A built-in role, or one of the project's.")
@data_dir_option
def set_role(project: str, email: str, role: str, data_dir: Path | None) -> None:
    """Give a person of the project another role; it counts from their next request on."""

    async def act(tx: AsyncSession) -> PersonView:
        owner = await get_project(tx, project)
        return await people.change(
            tx, owner.id, await people.get_member_id(tx, owner, email), actor=OPERATOR, role=role
        )

    person = in_transaction(settings_for(data_dir), act)
    click.echo(f"{person.email} is now {person.role} in {project}.", err=True)


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


ISSUER = click.option("--issuer", required=True, metavar="URL", help="The provider's issuer, as its entry has it.")
SUBJECT = click.option("--subject", required=True, metavar="S", help="What the provider calls them: the claim `sub`.")


@users.command("link")
@click.option("--email", required=True, metavar="E", help="Whose account it is.")
@ISSUER
@SUBJECT
@data_dir_option
def link_identity(email: str, issuer: str, subject: str, data_dir: Path | None) -> None:
    """Let somebody sign in to an account with an identity provider."""
    settings = settings_for(data_dir)

    async def act(tx: AsyncSession) -> None:
        await joining.link_by_email(tx, email=email, issuer=issuer, subject=subject, actor=OPERATOR)

    in_transaction(settings, act)
    click.echo(f"{email} can now sign in as {subject} of {issuer}.", err=True)


@users.command("unlink")
@ISSUER
@SUBJECT
@data_dir_option
def unlink_identity(issuer: str, subject: str, data_dir: Path | None) -> None:
    """Take an identity from its account, which stays, and end the sessions that came of it."""
    settings = settings_for(data_dir)

    async def act(tx: AsyncSession) -> bool:
        return await joining.unlink(tx, issuer=issuer, subject=subject, actor=OPERATOR)

    if not in_transaction(settings, act):
        message = "No account is linked with that identity; nothing was changed."
        raise click.ClickException(message)
    click.echo(f"{subject} of {issuer} can no longer sign in.", err=True)
