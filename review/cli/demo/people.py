"""Setting the demo's project up: its configuration, the upstream service's key, the reviewers, and you."""

import secrets
from dataclasses import dataclass
from importlib.resources import files

import click

from review.audit.rules import OPERATOR
from review.cli import demo
from review.configuration import service as configuration
from review.identity import keys, people
from review.identity import queries as identity_queries
from review.identity.rules import Role
from review.kernel.db import Database
from review.kernel.settings import Settings

PROJECT = "digits"
READERS = ("ada", "bela", "chidi", "dunya")
SENIOR = "sol@example.com"
YOU = "you@example.com"


@dataclass(frozen=True)
class Access:
    """Who may do what in the demo, with the secrets it takes."""

    service_key: str
    analyst_key: str
    tokens: tuple[str, ...]
    password: str


async def set_up(settings: Settings, receiver_url: str) -> Access:
    """Apply the configuration, with the receiver's address in it, and create everybody, in one transaction.

    Raises:
        click.ClickException: the data directory has seen a demo before.
    """
    db = await Database.connect(settings)
    try:
        async with db.transaction() as tx:
            if await identity_queries.find_project(tx, PROJECT) is not None:
                message = (
                    f"{settings.data_dir} holds a demo already; nothing was changed. Name another directory, or"
                    f" go on with that one: review up --data-dir {settings.data_dir}"
                )
                raise click.ClickException(message)
            source = (files(demo) / "digits.yaml").read_text().replace("RECEIVER", receiver_url)
            await configuration.apply(tx, source, actor=OPERATOR, may_create=True)
            key = await keys.create_key(tx, project=PROJECT, name="reader", role=Role.SERVICE, actor=OPERATOR)
            analyst = await keys.create_key(tx, project=PROJECT, name="trainer", role=Role.ANALYST, actor=OPERATOR)
            tokens: list[str] = []
            for name in READERS:
                email = f"{name}@example.com"
                await people.create_user(
                    tx, project=PROJECT, email=email, role=Role.REVIEWER, pools=("readers",), actor=OPERATOR
                )
                tokens.append(
                    await keys.create_token(tx, project=PROJECT, email=email, name="simulated", actor=OPERATOR)
                )
            await people.create_user(
                tx, project=PROJECT, email=SENIOR, role=Role.REVIEWER, pools=("seniors",), actor=OPERATOR
            )
            password = secrets.token_urlsafe(9)
            await people.create_user(
                tx,
                project=PROJECT,
                email=YOU,
                role=Role.ADMIN,
                pools=("readers", "seniors"),
                name="You",
                password=password,
                actor=OPERATOR,
            )
    finally:
        await db.close()
    return Access(key, analyst, tuple(tokens), password)
