"""The command `review webhooks`: endpoints, and their secrets, which go to standard output alone."""

from pathlib import Path

import click
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import OPERATOR
from review.cli.connection import data_dir_option, settings_for
from review.cli.database import in_transaction
from review.cli.terminal import in_line
from review.configuration import service as configuration
from review.configuration.document import Document
from review.configuration.rules import Versions, compile_config
from review.delivery.webhooks import service
from review.delivery.webhooks.schemas import EndpointView, ShownSecret
from review.delivery.webhooks.signing import Kind
from review.identity import service as identity
from review.identity.models import Project
from review.kernel.sealing import Sealer

PROJECT = click.option("--project", required=True, metavar="P", help="The project.")
NAME = click.option("--name", required=True, metavar="N", help="The endpoint, by its name in the configuration.")


@click.group()
def webhooks() -> None:
    """Show webhook endpoints and hand over their secrets."""


@webhooks.command("list")
@PROJECT
@data_dir_option
def list_endpoints(project: str, data_dir: Path | None) -> None:
    """List the endpoints: name, state, address, what is pending and dead; one a line, with tabs between."""

    async def act(tx: AsyncSession) -> list[EndpointView]:
        owner = await _synced(tx, project)
        return await service.list_endpoints(tx, owner.id)

    found = in_transaction(settings_for(data_dir), act)
    for each in found:
        state = "resting" if each.resting_until is not None else each.state
        click.echo(f"{each.name}\t{state}\t{in_line(each.url)}\t{each.pending} pending\t{each.dead} dead")
        why = each.resting_because or each.reason
        if why:
            click.echo(f"{each.name}: {in_line(why)}", err=True)
    if not found:
        click.echo(f"Project {project!r} has no webhook endpoints; declare them under `webhooks:`.", err=True)


@webhooks.command()
@PROJECT
@NAME
@data_dir_option
def secret(project: str, name: str, data_dir: Path | None) -> None:
    """Print the secret that an endpoint's receiver verifies with, and nothing else; this works once."""
    settings = settings_for(data_dir)

    async def act(tx: AsyncSession) -> ShownSecret:
        owner = await _synced(tx, project)
        return await service.show_secret(tx, Sealer.of(settings), owner.id, name, actor=OPERATOR)

    click.echo(in_transaction(settings, act).secret)


@webhooks.command()
@PROJECT
@NAME
@click.option("--kind", type=click.Choice([each.value for each in Kind]), default=Kind.HMAC.value, show_default=True)
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, service.LONGEST_OVERLAP_HOURS),
    default=24,
    show_default=True,
    help="How long the old secrets sign beside the new one.",
)
@data_dir_option
def rotate(project: str, name: str, kind: str, overlap_hours: int, data_dir: Path | None) -> None:
    """Make a new secret and print it, and nothing else: `whsec_…`, or the public `whpk_…` of an ed25519 pair."""
    settings = settings_for(data_dir)

    async def act(tx: AsyncSession) -> ShownSecret:
        owner = await _synced(tx, project)
        return await service.rotate_secret(
            tx, Sealer.of(settings), owner.id, name, kind=Kind(kind), overlap_hours=overlap_hours, actor=OPERATOR
        )

    shown = in_transaction(settings, act)
    click.echo(shown.secret)
    if shown.previous_until is not None:
        click.echo(f"The old secret counts until {shown.previous_until:%Y-%m-%d %H:%M} UTC.", err=True)


async def _synced(tx: AsyncSession, project: str) -> Project:
    """Give the project, with its endpoints as the active configuration has them."""
    owner = await identity.get_project(tx, project)
    if owner.config_version:
        found = await configuration.get_version(tx, project=project)
        versions = Versions(found.version, found.ruleset_version, found.item_types)
        await service.sync(tx, owner.id, compile_config(Document("", found.document), versions))
    return owner
