"""The command `review backtest`."""

import asyncio
from pathlib import Path
from uuid import UUID

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from review.audit.rules import OPERATOR
from review.cli.connection import data_dir_option, settings_for
from review.cli.database import connected
from review.cli.terminal import in_line
from review.configuration.service import ConfigCache
from review.identity import service as identity
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.rehearsal import running, service
from review.rehearsal.schemas import MOST_DAYS, Assumed, BacktestView, Report
from review.rehearsal.service import Wanted

LOOK_SECONDS = 0.2


@click.command()
@click.option("--project", required=True, metavar="P", help="The project whose items are looked at.")
@click.option("--to", "to_version", required=True, type=click.IntRange(min=1), metavar="V", help="The version to try.")
@click.option("--from", "from_version", type=click.IntRange(min=1), metavar="V", help="Beside it.  [default: active]")
@click.option("--days", type=click.IntRange(1, MOST_DAYS), default=30, show_default=True, help="How far back.")
@click.option(
    "--minutes", type=click.FloatRange(0, 1440, min_open=True), help="What a review takes, if none is stored."
)
@click.option("--cost-per-hour", type=click.FloatRange(0, 100_000, min_open=True), help="What an hour of review costs.")
@click.option("--json", "as_json", is_flag=True, help="Print all that was found as JSON.")
@data_dir_option
def backtest(
    project: str,
    to_version: int,
    from_version: int | None,
    days: int,
    minutes: float | None,
    cost_per_hour: float | None,
    as_json: bool,  # noqa: FBT001  click's flag
    data_dir: Path | None,
) -> None:
    """Route the stored items of the last days by another version of the configuration, and say what differs.

    Nothing is changed. The command shares the work with the workers that run, and needs none. Interrupted, the backtest
    goes on in a worker; its page has a button to stop it.
    """
    assumed = Assumed(minutes=minutes, cost_per_hour=cost_per_hour)
    wanted = Wanted(from_version=from_version or 0, to_version=to_version, days=days, assumed=assumed)
    done = asyncio.run(_run(settings_for(data_dir), project, wanted))
    if done.result is None:
        message = f"The backtest is {done.state}. {in_line(done.error)}".strip()
        raise click.ClickException(message)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(done), indent=2))
    else:
        _show(done.result)


async def _run(settings: Settings, project: str, wanted: Wanted) -> BacktestView:
    async with connected(settings) as db:
        async with db.transaction() as tx:
            owner = await identity.get_project(tx, project)
            wanted = msgspec.structs.replace(wanted, from_version=wanted.from_version or owner.config_version)
            begun = await service.begin(tx, project_id=owner.id, actor=OPERATOR, wanted=wanted)
        await asyncio.sleep(settings.statement_timeout.total_seconds())  # as `running.advance` says
        return await _follow(db, owner.id, begun.id)


async def _follow(db: Database, project_id: UUID, backtest_id: UUID) -> BacktestView:
    """Work on it, or wait where a worker does, and show how far it is."""
    configs = ConfigCache(db)
    columns = (TextColumn("backtest"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        while True:
            worked = await running.work(db, configs, project_id, backtest_id)
            seen = await service.get(db.hot, project_id=project_id, backtest_id=backtest_id)
            bar.update(task, completed=seen.items_done, total=seen.items_estimated)
            if not seen.is_under_way:
                return seen
            if not worked:
                await asyncio.sleep(LOOK_SECONDS)


def _show(found: Report) -> None:
    click.echo(f"{found.moved:,} of {found.items:,} items would go elsewhere by version {found.to_version}.")
    for flow in found.flows:
        if flow.old != flow.new:
            click.echo(f"  {flow.count:>9,}  {flow.old} -> {flow.new}")
    judged = found.judged
    click.echo(
        f"Of what people judged: {judged.slipped_correct.count:,} corrections and {judged.slipped_reject.count:,} "
        f"rejections would have slipped through, {judged.saved.count:,} needless reviews been saved."
    )
    rate = judged.error_rate
    if rate.share is not None:
        click.echo(f"Wrong among those let through: {rate.share:.1%}, at 95 % from {rate.low:.1%} to {rate.high:.1%}.")
    show_warnings(found)


def show_warnings(found: Report) -> None:
    """Print what is worth a second look, each with its numbers."""
    if found.recounted:
        click.echo(f"note: rates that were not measured then were counted for {found.recounted:,} items", err=True)
    for one in found.warnings:
        about = in_line(one.rule or one.pool or "items") + (f", by {in_line(one.by)}" if one.by else "")
        numbers = f"{one.items:,} of {one.of:,} items"
        if one.able_per_hour:
            numbers += f", {one.per_hour:,.1f} reviews an hour, {one.members} member(s) can do {one.able_per_hour:,.1f}"
        click.echo(f"note: {one.code.replace('_', ' ')}: {about} ({numbers})", err=True)
