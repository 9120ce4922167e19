"""Which stack a command talks to: the one in a data directory, or the one that the environment names."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from review.embedded import directory
from review.kernel.settings import Settings

F = TypeVar("F", bound=Callable[..., object])


def data_dir_option(command: F) -> F:
    """Give a command the option `--data-dir`, passed as `data_dir: Path | None`."""
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="REVIEW_DATA_DIR",
        help="Talk to the stack that `review up` runs in this directory.  [env: REVIEW_DATA_DIR]",
    )(command)


def settings_for(data_dir: Path | None) -> Settings:
    """Read the settings, with the addresses of the stack in `data_dir` if one is given.

    Without it REVIEW_DATABASE_URL counts, and without that a stack that runs in the default directory here.

    Raises:
        click.UsageError: nothing says which stack is meant (exit status 2).
        StackNotRunning: no stack runs in the directory.
        SettingInvalid: an environment variable cannot be used.
    """
    settings = Settings.from_env()
    if data_dir is None:
        if settings.database_url:
            return settings
        if not directory.DEFAULT.is_dir():
            message = "Say which stack is meant: --data-dir DIR for one that `review up` runs, or REVIEW_DATABASE_URL."
            raise click.UsageError(message)
        data_dir = directory.DEFAULT
    state = directory.running_stack(data_dir)
    return msgspec.structs.replace(
        settings,
        database_url=state.database_url,
        redis_url=state.redis_url,
        data_dir=data_dir,
        secret_key=settings.secret_key or directory.read_secret_key(data_dir),
        audit_key=settings.audit_key or directory.read_audit_key(data_dir),
        erasures_file=settings.erasures_file or data_dir / "erasures.jsonl",
        audit_checkpoints=settings.audit_checkpoints or directory.checkpoints_in(data_dir),
        base_url=settings.base_url or state.url,
    )


def required_settings(*names: str) -> Settings:
    """Read the settings, insisting on some.

    Raises:
        click.UsageError: one of `names` is not set (exit status 2).
    """
    settings = Settings.from_env()
    missing = [f"REVIEW_{name.upper()}" for name in names if not getattr(settings, name)]
    if missing:
        message = (
            f"{' and '.join(missing)} must be set, for example to {' and '.join(EXAMPLES[name] for name in missing)}. "
            "To run everything on this machine instead: review up"
        )
        raise click.UsageError(message)
    return settings


EXAMPLES = {
    "REVIEW_DATABASE_URL": "postgresql://user:password@host/countersign",
    "REVIEW_REDIS_URL": "redis://host:6379/0",
}
