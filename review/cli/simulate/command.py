"""The command `review simulate`: a day of arrivals against a configuration and the people who are there."""

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from review.cli.connection import data_dir_option, settings_for
from review.cli.database import in_transaction
from review.cli.simulate import reading, showing, writing
from review.cli.simulate.progress import Progress
from review.configuration import service as configuration
from review.configuration.rules import ProjectConfig
from review.escalation.simulation import findings
from review.escalation.simulation.arrivals import TooManyArrivals, draw, expected
from review.escalation.simulation.composing import NotEnoughSaid, compose, zone_of
from review.escalation.simulation.planfile import MAX_SEED
from review.escalation.simulation.report import Report, report
from review.escalation.simulation.rules import Run
from review.escalation.simulation.scenario import MAX_DAYS, Scenario
from review.kernel.clock import utc_now

EXAMPLE = "For example: review simulate docs/support.yaml --arrivals 400/day --staff triage=4 --staff seniors=1"
_OUT = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog=EXAMPLE)
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--project", metavar="P", help="Play the active configuration of this project of a stack, without FILE.")
@click.option("--plan", type=click.File("rb"), metavar="SIMFILE", help="What to play, in YAML; options go before it.")
@click.option("--arrivals", metavar="N/day|CSV", help="400/day, 20/hour, or a CSV file of timestamp[,pool,priority].")
@click.option(
    "--staff", multiple=True, metavar="POOL=N[@HOURS]", help="triage=4, triage=4@berlin, triage=2@07:00-15:00."
)
@click.option(
    "--mix", multiple=True, metavar="POOL:POLICY@PRIORITY=SHARE", help="What arrives where; triage:standard=80."
)
@click.option("--handling", metavar="TIME", help="How long the median review takes: 2m unless said.")
@click.option("--spread", type=float, metavar="X", help="Two thirds take from TIME / X to TIME × X: 2 unless said.")
@click.option(
    "--on", metavar="DAY", help="The first day, or the moment to begin at; the Monday after today unless said."
)
@click.option("--days", type=click.IntRange(1, MAX_DAYS), metavar="N", help="How many days to play: 1 unless said.")
@click.option("--zone", metavar="Z", help="The time zone; that of the first calendar unless said.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), metavar="N", help="What chance is drawn from: 1 unless said.")
@click.option("--chart", type=_OUT, metavar="SVG", help="Draw the hours, with their table, into this file.")
@click.option("--items", type=_OUT, metavar="CSV", help="Write each item with its times into this file.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@data_dir_option
def simulate(file: IO[bytes] | None, project: str | None, data_dir: Path | None, **asked: Any) -> None:
    """Play a day of arrivals against the policies, calendars and ladders of FILE, or of a project, and its people.

    It says what is decided in time, what is late and escalates, how busy each pool is in each hour, and how many more
    people would have held it. Nothing is stored. The same input and seed give the same output, byte for byte.
    """
    config = _configuration(file, project, data_dir)
    scenario = _scenario(config, asked)
    with Progress() as progress:
        run, made = _play(scenario, progress)
    if asked["chart"] is not None:
        writing.write(asked["chart"], writing.chart_of(made))
    if asked["items"] is not None:
        writing.write(asked["items"], writing.items_of(run))
    if asked["as_json"]:
        click.echo(msgspec.json.format(msgspec.json.encode(made), indent=2))
    else:
        showing.show(made)


def _configuration(file: IO[bytes] | None, project: str | None, data_dir: Path | None) -> ProjectConfig:
    if (file is None) == (project is None):
        message = "Name a FILE, or a project of a stack with --project P, and not both."
        raise click.UsageError(message)
    if file is not None:
        return reading.configuration(file)
    source = in_transaction(settings_for(data_dir), lambda tx: configuration.read(tx, project=project or ""))
    return reading.compiled(source, f"project {project}")


def _scenario(config: ProjectConfig, asked: dict[str, Any]) -> Scenario:
    plan = reading.plan(asked["plan"], config)
    wishes = reading.options(asked, config).over(plan)
    arrivals = reading.arrivals(asked["arrivals"], config, zone_of(config, wishes))
    if arrivals is not None:
        wishes = msgspec.structs.replace(wishes, arrivals=arrivals)
    try:
        return compose(config, wishes, utc_now().date())
    except NotEnoughSaid as fault:
        raise click.UsageError(str(fault)) from fault


def _play(scenario: Scenario, progress: Progress) -> tuple[Run, Report]:
    total = round(expected(scenario))
    try:
        arrivals = draw(scenario, progress.stage("Setting clocks", total))
    except TooManyArrivals as fault:
        message = f"That is too much: {fault}."
        raise click.UsageError(message) from fault
    run = Run(scenario, arrivals)
    run.play(progress.stage("Playing", len(arrivals)))
    return run, report(run, findings.find(run, arrivals, _counting(progress.stage("Playing with more people"))))


def _counting(show: Callable[[int], None]) -> Callable[[], None]:
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1
        show(counted)

    return count
