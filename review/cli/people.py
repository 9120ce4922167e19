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
from review.identity import password_changes, people, second_factor, standing
from review.identity.oidc import joining
from review.identity.people import PersonView
from review.identity.rules import PERSONAL_ROLES
from review.identity.service import get_project
from review.queueing import departures

MAX_LINE_BYTES = 8 * 1024  # of a password's line; the longest that is taken has far fewer
PROJECT = click.option("--project", required=True, metavar="P", help="The project.")
EMAIL = click.option("--email", required=True, metavar="E", help="Who is meant, by e-mail.")


@click.group()
def users() -> None:
    """Create the people of a project, keep them out, hand them links to a new password."""


@users.command("create")
@PROJECT
@click.option("--email", required=True, metavar="E", help="What they sign in with.")
@click.option("--role", required=True, help=f"{', '.join(PERSONAL_ROLES)}, or one of the project's own.")
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

    Without a password they cannot sign in to the pages until they choose one by a link (`review users reset-password`).
    """
    settings = settings_for(data_dir)
    password = _read_password() if password_stdin else None

    async def act(tx: AsyncSession) -> UUID:
        await _check_pools(tx, project, pools)
        return await people.create_user(
            tx,
            project=project,
            email=email,
            role=role,
            pools=pools,
            name=name,
            password=password,
            actor=OPERATOR,
        )

    user_id = in_transaction(settings, act)
    click.echo(f"{in_line(email)} is now {role} in {project} (id {user_id}).", err=True)
    if password is None:
        command = f"review users reset-password --email {in_line(email)}"
        click.echo(f"For a link to choose a password by: {command}", err=True)


@users.command("set-role")
@PROJECT
@click.option("--email", required=True, metavar="E", help="Who it is about.")
@click.option("--role", required=True, help="A built-in role, or one of the project's.")
@data_dir_option
def set_role(project: str, email: str, role: str, data_dir: Path | None) -> None:
    """Give a person of the project another role; it counts from their next request on."""

    async def act(tx: AsyncSession) -> PersonView:
        owner = await get_project(tx, project)
        return await departures.change(
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


@users.command("list")
@PROJECT
@data_dir_option
def list_users(project: str, data_dir: Path | None) -> None:
    """List the people of a project: e-mail, role, state, how they sign in, when last seen; with tabs between."""
    found = in_transaction(settings_for(data_dir), lambda tx: standing.list_people(tx, project=project))
    for each in found:
        state = "disabled" if each["is_disabled"] else "active"
        how = "password and code" if each["has_code"] else "password" if each["has_password"] else "no password"
        seen = each["last_seen_at"]
        click.echo("\t".join([each["email"], each["role"], state, how, f"{seen:%Y-%m-%dT%H:%M:%SZ}" if seen else "–"]))
    if not found:
        click.echo(f"Nobody is in project {project!r} yet.", err=True)


@users.command()
@EMAIL
@data_dir_option
def disable(email: str, data_dir: Path | None) -> None:
    """Keep a person out from now on: sessions, tokens and open calls end, what they hold goes back to its queues."""
    count = in_transaction(settings_for(data_dir), lambda tx: departures.disable(tx, email=email, actor=OPERATOR))
    click.echo(f"{email} is disabled. {_given_back(count)}", err=True)


@users.command()
@EMAIL
@data_dir_option
def enable(email: str, data_dir: Path | None) -> None:
    """Let a disabled person in again, with the roles, tokens and second factor they had."""
    in_transaction(settings_for(data_dir), lambda tx: standing.enable(tx, email=email, actor=OPERATOR))
    click.echo(f"{email} may sign in again.", err=True)


@users.command()
@PROJECT
@EMAIL
@data_dir_option
def remove(project: str, email: str, data_dir: Path | None) -> None:
    """Take a person out of a project and its pools; what they hold there goes back to its queues."""

    async def act(tx: AsyncSession) -> int:
        owner = await get_project(tx, project)
        user_id = await people.get_member_id(tx, owner, email)
        return await departures.remove(tx, owner.id, user_id, actor=OPERATOR)

    count = in_transaction(settings_for(data_dir), act)
    click.echo(f"{email} is no longer in {project}. {_given_back(count)}", err=True)


@users.command("reset-password")
@EMAIL
@data_dir_option
def reset_password(email: str, data_dir: Path | None) -> None:
    """Print a link by which a person chooses a password, and nothing else; it works once, and their old one till then.

    For somebody without a password it is an invitation, good for three days; otherwise it is good for an hour.
    """
    settings = settings_for(data_dir)
    link = in_transaction(settings, lambda tx: password_changes.make_link(tx, email=email, actor=OPERATOR))
    click.echo(f"{settings.public_url}/choose-password/{link.secret}")
    hours = int(link.lifetime.total_seconds() // 3600)
    span = "an hour" if hours == 1 else f"{hours} hours"
    click.echo(f"Hand it to {link.email}; it works once, within {span}.", err=True)


@users.command("reset-second-factor")
@EMAIL
@data_dir_option
def reset_second_factor(email: str, data_dir: Path | None) -> None:
    """Forget a person's second factor, for somebody who has lost app and recovery codes; make sure it is them."""

    async def act(tx: AsyncSession) -> bool:
        user = await standing.get_user(tx, email)
        return await second_factor.turn_off(tx, user.id, actor=OPERATOR)

    was_on = in_transaction(settings_for(data_dir), act)
    said = "Their second factor is forgotten; the password still holds." if was_on else "They had no second factor."
    click.echo(said, err=True)


def _given_back(count: int) -> str:
    if not count:
        return "They held nothing."
    return f"{count} {'assignment' if count == 1 else 'assignments'} went back to the queue."
