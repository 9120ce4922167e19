"""What `review simulate` is asked for: files with their faults at their places, and options with theirs."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar
from zoneinfo import ZoneInfo

import click

from review.configuration.document import MAX_BYTES, parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.rules import ProjectConfig, compile_config
from review.escalation.simulation import history, wishes
from review.escalation.simulation.planfile import read_plan
from review.escalation.simulation.scenario import Rate, Seen
from review.escalation.simulation.wishes import Wishes

T = TypeVar("T")


def configuration(file: IO[bytes]) -> ProjectConfig:
    """Read a configuration file; its faults end the command with status 1."""
    return compiled(file.read(MAX_BYTES + 1), _name_of(file))


def compiled(source: bytes | str, name: str) -> ProjectConfig:
    """Compile a configuration; its faults end the command with status 1."""
    with _faults_shown(name):
        return compile_config(parse(source))


def plan(file: IO[bytes] | None, config: ProjectConfig) -> Wishes:
    """Read what to play from a file, if there is one; its faults end the command with status 1."""
    if file is None:
        return Wishes()
    with _faults_shown(_name_of(file)):
        return read_plan(file.read(MAX_BYTES + 1), config)


def options(asked: dict[str, Any], config: ProjectConfig) -> Wishes:
    """Read what the options ask for, but for the arrivals.

    Raises:
        click.BadParameter: an option cannot be used (exit status 2).
    """
    spread = asked["spread"]
    if spread is not None and asked["handling"] is None:
        message = "--spread goes with --handling TIME."
        raise click.UsageError(message)
    return Wishes(
        mix=tuple(
            each for text in asked["mix"] for each in _read("mix", text, lambda of: wishes.read_streams(of, config))
        ),
        handling=_found("handling", asked["handling"], lambda text: wishes.read_handling(text, spread)),
        crews=tuple(_read("staff", text, lambda of: wishes.read_crew(of, config)) for text in asked["staff"]),
        on=_found("on", asked["on"], wishes.read_day),
        days=asked["days"],
        zone=_found("zone", asked["zone"], wishes.read_zone),
        seed=asked["seed"],
    )


def arrivals(text: str | None, config: ProjectConfig, zone: ZoneInfo) -> Rate | tuple[Seen, ...] | None:
    """Read a rate, or the file that has the arrivals; the file's faults end the command with status 1."""
    if text is None:
        return None
    rate = _read("arrivals", text, wishes.read_rate)
    if rate is not None:
        return rate
    try:
        with Path(text).open("rb") as file:
            source = file.read(history.MAX_BYTES + 1)
    except (OSError, ValueError) as fault:
        message = f"{text!r} is no rate such as 400/day, and cannot be read as a file: {_reason(fault)}"
        raise click.BadParameter(message, param_hint="--arrivals") from fault
    with _faults_shown(text):
        return history.read_history(source, config, zone)


def _reason(fault: Exception) -> str:
    return getattr(fault, "strerror", None) or str(fault)


def _found(option: str, text: str | None, read: Callable[[str], T]) -> T | None:
    return None if text is None else _read(option, text, read)


def _read(option: str, text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text)
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint=f"--{option}") from fault


def _name_of(file: IO[bytes]) -> str:
    return str(getattr(file, "name", "<stdin>"))


@contextmanager
def _faults_shown(name: str) -> Generator[None]:
    """Show each fault as `FILE:LINE:COLUMN: path: message`, which editors turn into a link, and exit with 1."""
    try:
        yield
    except ConfigurationInvalid as refusal:
        _tell(name, refusal.faults)
        raise click.exceptions.Exit(1) from refusal


def _tell(name: str, faults: Iterable[object]) -> None:
    told = list(faults)
    for fault in told:
        click.echo(f"{name}:{fault}", err=True)
    click.echo(f"{name} has {'one fault' if len(told) == 1 else f'{len(told)} faults'}; nothing was played.", err=True)
