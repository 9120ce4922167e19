"""`review audit`: verify, export and key, with their exit statuses, and the stack's own key and checkpoints."""

import asyncio
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from review.audit.notes import read_key, show_key
from review.cli.main import main
from review.embedded.directory import DataDirectory, checkpoints_in, read_audit_key
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.audit.logs import SECRET, SIGNER, advance, as_superuser
from tests.make import World

OTHER = "A" * 43 + "="


@pytest.fixture
def support(settings: Settings, tmp_path: Path) -> str:
    """A project's database with a log, and its checkpoints outside."""

    async def prepare() -> None:
        db = await Database.connect(settings)
        world = await World.build(db, settings)
        for number in range(10):
            await world.submit(f"text {number}")
        await advance(world, tmp_path / "kept")
        await db.close()

    asyncio.run(prepare())
    return settings.database_url


def spoil(settings: Settings, statement: str) -> None:
    async def act() -> None:
        db = await Database.connect(settings)
        await as_superuser(db, statement)
        await db.close()

    asyncio.run(act())


def run(url: str, *arguments: str, **more: str) -> Result:
    return CliRunner(env={"REVIEW_DATABASE_URL": url, **more}).invoke(main, ["audit", *arguments])


def test_a_whole_log_verifies_with_status_0(support: str, tmp_path: Path) -> None:
    outcome = run(support, "verify", "--checkpoints", str(tmp_path / "kept"), REVIEW_AUDIT_KEY=SECRET)
    assert outcome.exit_code == 0, outcome.output
    assert "records are as they were, 2 checkpoints match." in outcome.stdout
    assert outcome.stderr == ""
    outcome = run(support, "verify", "--project", "support")
    assert (outcome.exit_code, "No public key was given" in outcome.stderr) == (0, True)


def test_a_wrong_record_is_named_with_status_1(support: str, settings: Settings) -> None:
    spoil(settings, "UPDATE audit_entries SET action = 'item.withdrawn' WHERE position = 17")
    outcome = run(support, "verify")
    assert outcome.exit_code == 1
    assert "support: NOT as it was. Position 17 (" in outcome.stdout
    assert "item.withdrawn" in outcome.stdout
    assert "the 17 records before that are as they were" in outcome.stderr


def test_a_log_that_is_no_longer_there_at_all_is_missed(support: str, settings: Settings, tmp_path: Path) -> None:
    """Promise 31: a project that was renamed, and its log rebuilt, is not one that nobody ever heard of."""
    kept = ("--checkpoints", str(tmp_path / "kept"))
    file = tmp_path / "log.ndjson"
    spoil(settings, "UPDATE projects SET slug = 'support-2'")
    spoil(settings, "DELETE FROM audit_checkpoints")
    outcome = run(support, "verify", *kept, REVIEW_AUDIT_KEY=SECRET)
    assert outcome.exit_code == 1, outcome.output
    assert "support: NOT as it was. Position 0: no such log is here" in outcome.stdout
    other = run(support, "verify", *kept, "--public-key", show_key(read_key(OTHER)))
    assert other.exit_code == 0, "what others signed is theirs to miss"
    assert run(support, "export", "--project", "support-2", "--out", str(file)).exit_code == 0
    outcome = run(support, "verify", "--export", str(file), *kept)
    assert outcome.exit_code == 1, outcome.output
    assert "no checkpoint was kept where they were looked for" in outcome.stdout


def test_an_export_verifies_without_a_database(support: str, tmp_path: Path) -> None:
    file = tmp_path / "log.ndjson"
    outcome = run(support, "export", "--project", "support", "--out", str(file), REVIEW_AUDIT_KEY=SECRET)
    assert outcome.exit_code == 0, outcome.output
    key = show_key(SIGNER.public_key)
    arguments = ("verify", "--export", str(file), "--checkpoints", str(tmp_path / "kept"), "--public-key", key)
    outcome = run("postgresql://nowhere", *arguments)
    assert outcome.exit_code == 0, outcome.output
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:8] + lines[9:]))
    outcome = run("postgresql://nowhere", *arguments)
    assert (outcome.exit_code, "Position 7 (" in outcome.stdout) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("verify", "--public-key", "no key"), 1, "is no public key"),
        (("verify", "--project", "nobody"), 1, "There is no project 'nobody'"),
        (("verify", "--export", __file__), 1, "does not begin as an audit export does"),
        (("verify", "--export", "/no/such/file"), 2, "does not exist"),
        (("verify", "--export", __file__, "--project", "support"), 2, "leave --project out"),
        (("key",), 1, "REVIEW_AUDIT_KEY is not set"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    support: str, arguments: tuple[str, ...], status: int, said: str
) -> None:
    outcome = run(support, *arguments)
    assert (outcome.exit_code, said in outcome.stderr) == (status, True), outcome.output


def test_a_database_that_is_away_is_said_in_a_sentence() -> None:
    outcome = run("postgresql://127.0.0.1:1/nowhere", "verify")
    assert (outcome.exit_code, "It could not be done" in outcome.stderr) == (1, True)


def test_the_public_key_is_printed_alone(support: str) -> None:
    outcome = run(support, "key", REVIEW_AUDIT_KEY=SECRET)
    assert read_key(outcome.stdout) == SIGNER.public_key
    named = run(support, "key", "--project", "support", REVIEW_AUDIT_KEY=SECRET).stdout
    assert named.startswith("countersign/support/")
    assert read_key(named) == SIGNER.public_key


def test_the_stack_makes_its_own_key_once_and_keeps_it_private(tmp_path: Path) -> None:
    assert read_audit_key(tmp_path / "data") == ""
    with DataDirectory(tmp_path / "data") as directory:
        first = directory.audit_key()
        assert directory.audit_key() == first == read_audit_key(tmp_path / "data")
        assert first != directory.secret_key()
    assert Settings.from_env({"REVIEW_AUDIT_KEY": first}).audit_key == first
    assert stat.S_IMODE((tmp_path / "data" / "audit.key").stat().st_mode) == 0o600
    assert checkpoints_in(tmp_path / "data").parent == tmp_path / "data"


def test_a_key_of_the_wrong_length_is_refused_without_its_value() -> None:
    outcome = run("postgresql://nowhere", "key", REVIEW_AUDIT_KEY="c2hvcnQ=")
    assert (outcome.exit_code, "c2hvcnQ" in outcome.output) == (1, False)
    assert "REVIEW_AUDIT_KEY cannot be used" in outcome.stderr
