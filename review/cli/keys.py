"""The commands `review keys` and `review tokens`: secrets go to standard output, alone."""

from datetime import timedelta
from pathlib import Path

import click
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import OPERATOR
from review.cli.connection import data_dir_option, settings_for
from review.cli.database import in_transaction
from review.identity import keyring, keys
from review.identity.errors import KeyNotFound
from review.identity.keyring import KeyView, Rotated
from review.identity.keys import NewKey, Wish
from review.identity.rules import Role
from review.identity.service import get_project
from review.kernel.durations import parse_duration

PROJECT = click.option("--project", required=True, metavar="P", help="The project.")
NAME = click.option("--name", required=True, metavar="N", help="What the audit will call it.")
KEY = click.argument("prefix", metavar="PREFIX")


class Duration(click.ParamType[timedelta]):
    """A length of time as people write it: 90d, 12h."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it, or say what is wrong with it."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as fault:
            self.fail(str(fault), param, ctx)


SCOPES = click.option("--scope", "scopes", multiple=True, metavar="PERMISSION", help="Carry only this; repeatable.")
EXPIRES = click.option("--expires", type=Duration(), metavar="TIME", help="End after so long, such as 90d.")


@click.group("keys")
def keys_group() -> None:
    """Make, list, rotate and end the keys that services call with."""


@keys_group.command("list")
@PROJECT
@data_dir_option
def list_keys(project: str, data_dir: Path | None) -> None:
    """List service keys: prefix, name, state, role, end and last use; one a line, with tabs between."""
    _show([each for each in _every(project, data_dir) if each.person is None])


@keys_group.command("create")
@PROJECT
@click.option("--role", default=Role.SERVICE.value, show_default=True, help="A built-in role, or one of the project's.")
@NAME
@SCOPES
@EXPIRES
@data_dir_option
def create_key(
    project: str, role: str, name: str, scopes: tuple[str, ...], expires: timedelta | None, data_dir: Path | None
) -> None:
    """Make a service key and print its secret, and nothing else; it is not kept and cannot be shown again."""

    async def act(tx: AsyncSession) -> NewKey:
        owner = await get_project(tx, project)
        ends = None if expires is None else await keys.now_of(tx) + expires
        return await keys.make_key(
            tx, owner, Wish(name=name, scopes=scopes or None, expires_at=ends), role=role, actor=OPERATOR
        )

    click.echo(in_transaction(settings_for(data_dir), act).secret)


@keys_group.command("rotate")
@PROJECT
@KEY
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, keyring.LONGEST_OVERLAP_HOURS),
    default=keyring.OVERLAP_HOURS,
    show_default=True,
    help="How long the old one counts on.",
)
@data_dir_option
def rotate_key(project: str, prefix: str, overlap_hours: int, data_dir: Path | None) -> None:
    """Make a new key in the place of the one that begins with cs_PREFIX and print its secret, and nothing else."""

    async def act(tx: AsyncSession) -> Rotated:
        owner, key = await get_project(tx, project), await _find(tx, project, prefix)
        return await keyring.rotate(tx, owner.id, key.id, actor=OPERATOR, overlap=timedelta(hours=overlap_hours))

    rotated = in_transaction(settings_for(data_dir), act)
    click.echo(rotated.key.secret)
    if rotated.previous.expires_at is not None:
        click.echo(f"The old key counts until {rotated.previous.expires_at:%Y-%m-%d %H:%M} UTC.", err=True)


@keys_group.command("revoke")
@PROJECT
@KEY
@data_dir_option
def revoke_key(project: str, prefix: str, data_dir: Path | None) -> None:
    """End the key that begins with cs_PREFIX now."""
    _revoke(project, prefix, data_dir)


@click.group("tokens")
def tokens_group() -> None:
    """Make, list and end personal tokens, which act with their person's role."""


@tokens_group.command("list")
@PROJECT
@click.option("--user", metavar="E", help="Only this person's, by e-mail.")
@data_dir_option
def list_tokens(project: str, user: str | None, data_dir: Path | None) -> None:
    """List personal tokens: prefix, name, state, role, end, last use and person; one a line, with tabs between."""
    _show([each for each in _every(project, data_dir) if each.person is not None and user in {None, each.person}])


@tokens_group.command("create")
@PROJECT
@click.option("--user", required=True, metavar="E", help="The person's e-mail.")
@NAME
@SCOPES
@EXPIRES
@data_dir_option
def create_token(
    project: str, user: str, name: str, scopes: tuple[str, ...], expires: timedelta | None, data_dir: Path | None
) -> None:
    """Make a personal token and print its secret, and nothing else; it is not kept and cannot be shown again."""
    settings = settings_for(data_dir)
    secret = in_transaction(
        settings,
        lambda tx: keys.create_token(
            tx,
            project=project,
            email=user,
            name=name,
            actor=OPERATOR,
            scopes=scopes or None,
            lifetime=expires,
            longest=settings.token_max_lifetime,
        ),
    )
    click.echo(secret)


@tokens_group.command("revoke")
@PROJECT
@KEY
@data_dir_option
def revoke_token(project: str, prefix: str, data_dir: Path | None) -> None:
    """End the token that begins with cs_PREFIX now."""
    _revoke(project, prefix, data_dir)


def _revoke(project: str, prefix: str, data_dir: Path | None) -> None:
    async def act(tx: AsyncSession) -> KeyView:
        owner, key = await get_project(tx, project), await _find(tx, project, prefix)
        return await keyring.revoke(tx, owner.id, key.id, actor=OPERATOR)

    click.echo(f"{in_transaction(settings_for(data_dir), act).name} has ended.", err=True)


def _every(project: str, data_dir: Path | None) -> list[KeyView]:
    return in_transaction(settings_for(data_dir), lambda tx: _list(tx, project))


async def _list(tx: AsyncSession, project: str) -> list[KeyView]:
    owner, found, cursor = await get_project(tx, project), list[KeyView](), None
    while True:
        page = await keyring.list_keys(tx, owner.id, cursor=cursor, limit=keyring.MOST_ON_A_PAGE)
        found += page.data
        cursor = page.next
        if cursor is None:
            return found


async def _find(tx: AsyncSession, project: str, prefix: str) -> KeyView:
    for each in await _list(tx, project):
        if each.prefix == prefix.removeprefix("cs_"):
            return each
    message = f"Project {project!r} has no key that begins with cs_{prefix.removeprefix('cs_')}. Nothing was changed."
    raise KeyNotFound(message)


def _show(found: list[KeyView]) -> None:
    for each in found:
        ends = "no end" if each.expires_at is None else f"until {each.expires_at:%Y-%m-%d %H:%M}"
        used = "not used" if each.last_used_at is None else f"used {each.last_used_at:%Y-%m-%d %H:%M}"
        role = each.role if each.scopes is None else f"{each.role}: {', '.join(each.scopes)}"
        person = () if each.person is None else (each.person,)
        click.echo("\t".join((f"cs_{each.prefix}", each.name, each.state, role, ends, used, *person)))
