"""Promise 29: secrets come from files that others on the machine cannot open."""

from pathlib import Path

import msgspec
import pytest

from review.kernel.settings import SECRETS, SettingInvalid, Settings

URLS = {"database_url": "postgresql://u:p@h/d", "redis_url": "redis://:p@h/0", "smtp_url": "smtp://u:p@h:587"}
GIVEN = (
    URLS
    | {"mlflow_url": "https://mlflow.example.com", "mlflow_token": "t0ken"}
    | dict.fromkeys(("secret_key", "audit_key"), f"{'A' * 43}=")
)


def write(path: Path, text: str, mode: int = 0o640) -> str:
    path.write_bytes(text.encode())
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("field", SECRETS)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_every_secret_may_stand_in_a_file(tmp_path: Path, field: str, end: str) -> None:
    path = write(tmp_path / "secret", GIVEN[field] + end)
    settings = Settings.from_env({f"REVIEW_{field.upper()}_FILE": path})
    assert getattr(settings, field) == GIVEN[field]


def test_the_secrets_are_the_settings_that_hold_some() -> None:
    texts = {each.name for each in msgspec.structs.fields(Settings) if each.type is str}
    named = {name for name in texts if name.endswith(("_key", "_password"))}
    assert named | set(URLS) <= set(SECRETS)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_a_file_that_everybody_may_open_is_refused_and_its_value_not_told(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "secret", URLS["database_url"], mode)
    with pytest.raises(SettingInvalid, match=r"^REVIEW_DATABASE_URL_FILE .* chmod o= ") as told:
        Settings.from_env({"REVIEW_DATABASE_URL_FILE": path})
    assert URLS["database_url"] not in told.value.message


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "secret", URLS["redis_url"])
    with pytest.raises(SettingInvalid, match="are both set"):
        Settings.from_env({"REVIEW_REDIS_URL_FILE": path, "REVIEW_REDIS_URL": URLS["redis_url"]})
    assert Settings.from_env({"REVIEW_REDIS_URL_FILE": path, "REVIEW_REDIS_URL": ""}).redis_url == URLS["redis_url"]


@pytest.mark.parametrize("text", ["", "\n", "a\nb", "a\n\n", "a\0b", "x" * 70_000])
def test_a_file_holds_one_line(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "secret", text)
    with pytest.raises(SettingInvalid, match="must hold one line"):
        Settings.from_env({"REVIEW_SMTP_URL_FILE": path})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name in ("nowhere", "bytes", "."):
        with pytest.raises(SettingInvalid, match=r"^REVIEW_SECRET_KEY_FILE names .* cannot be read: "):
            Settings.from_env({"REVIEW_SECRET_KEY_FILE": str(tmp_path / name)})


def test_only_secrets_come_from_files(tmp_path: Path) -> None:
    assert Settings.from_env({"REVIEW_PORT_FILE": write(tmp_path / "port", "1")}).port == Settings().port
