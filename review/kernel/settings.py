"""What an operator may set, read once at the process edge and passed in."""

import os
import stat
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from review.kernel.errors import ReviewError

SCHEMES = {
    "database_url": ("postgresql", "postgres", "postgresql+asyncpg"),
    "redis_url": ("redis", "rediss", "unix"),
    "smtp_url": ("smtp", "smtps"),
    "mlflow_url": ("https", "http"),
}
NETWORKS = frozenset({"webhook_allow_networks", "trusted_proxies"})


# Each may stand in a file, REVIEW_<FIELD>_FILE.
SECRETS = ("database_url", "redis_url", "secret_key", "audit_key", "smtp_url", "mlflow_url", "mlflow_token")
MOST_BYTES_OF_A_SECRET = 64 * 1024
SEALING_KEY_BYTES = 32  # what Fernet takes


class SettingInvalid(ReviewError):
    """A REVIEW_ environment variable has a value that cannot be used."""

    code = "setting_invalid"
    status = 500


class StartRefused(ReviewError):
    """The settings, or what they lead to, are not safe to serve from."""

    code = "start_refused"
    status = 500


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one process; each field is the environment variable `REVIEW_<FIELD>`.

    URLs are in libpq and redis form. Durations are given in seconds in the environment. What is secret may be given as
    a file's path instead, in `REVIEW_<FIELD>_FILE`.
    """

    database_url: str = ""
    redis_url: str = ""
    data_dir: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8400
    base_url: str = ""
    secure_cookies: bool = False
    allow_plain_http: bool = False
    allow_superuser: bool = False
    allow_data_loss: bool = False
    hot_connections: int = 10
    pool_connections: int = 10
    statement_timeout: timedelta = timedelta(seconds=5)
    question_wait: timedelta = timedelta(hours=24)
    bulk_grace: timedelta = timedelta(seconds=15)
    bulk_kept: timedelta = timedelta(days=90)
    snapshot_store: str = ""
    mlflow_url: str = ""
    mlflow_token: str = ""
    wandb_project: str = ""
    backtests_kept: timedelta = timedelta(days=366)
    sweep_interval: timedelta = timedelta(seconds=1)
    poll_interval: timedelta = timedelta(seconds=1)
    session_lifetime: timedelta = timedelta(hours=12)
    token_max_lifetime: timedelta = timedelta(days=365)
    session_idle: timedelta = timedelta(hours=4)
    require_second_factor: bool = False
    max_body_bytes: int = 10 * 1024 * 1024
    max_import_bytes: Annotated[int, msgspec.Meta(ge=1)] = 512 * 1024 * 1024
    imports_kept: timedelta = timedelta(days=30)
    max_waiters: int = 2_000
    relay_interval: timedelta = timedelta(seconds=0.25)
    max_streams: int = 500
    secret_key: str = ""
    audit_key: str = ""
    audit_checkpoints: Path | None = None
    erasures_file: Path | None = None
    audit_interval: timedelta = timedelta(seconds=10)
    webhook_allow_networks: tuple[str, ...] = ()
    webhook_allow_http: bool = False
    webhook_timeout: timedelta = timedelta(seconds=15)
    media_hosts: tuple[str, ...] = ()
    media_max_bytes: Annotated[int, msgspec.Meta(ge=1)] = 25 * 1024 * 1024
    media_timeout: timedelta = timedelta(seconds=15)
    smtp_url: str = ""
    smtp_sender: str = ""
    language: str = "en"
    oidc_file: Path | None = None
    rate_per_key: Annotated[float, msgspec.Meta(ge=0)] = 5_000
    rate_per_project: Annotated[float, msgspec.Meta(ge=0)] = 10_000
    rate_burst: timedelta = timedelta(seconds=2)
    request_timeout: timedelta = timedelta(seconds=30)
    trusted_proxies: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    dev_pages: bool = False
    log_level: str = "info"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from the environment, and from the files it names for secrets.

        Raises:
            SettingInvalid: a value does not fit its field, or a secret's file is missing, open to everybody or given
                beside the secret itself; the message names the variable.
        """
        env = os.environ if environ is None else environ
        given: dict[str, object] = {}
        for field in msgspec.structs.fields(cls):
            name = f"REVIEW_{field.name.upper()}"
            text = _secret(env, name) if field.name in SECRETS else env.get(name, "").strip()
            if not text:
                continue
            _check_secretly(field.name, name, text)
            try:
                given[field.name] = _read(text, field.type)
                _check_networks(field.name, given[field.name])
            except (ValueError, OverflowError, msgspec.ValidationError) as fault:
                message = f"{name} is {text!r}, which cannot be used: {fault}."
                raise SettingInvalid(message) from fault
        return msgspec.convert(given, cls)

    @property
    def public_url(self) -> str:
        """The address that links carry, without a trailing slash."""
        return self.base_url.rstrip("/") or f"http://{self.host}:{self.port}"


def _secret(env: Mapping[str, str], name: str) -> str:
    """Give a secret from the environment or from the file that is named there, without the line end that closes it."""
    given, path = env.get(name, "").strip(), env.get(f"{name}_FILE", "").strip()
    if not path:
        return given
    if given:
        message = f"{name} and {name}_FILE are both set; keep one of them."
        raise SettingInvalid(message)
    try:
        with Path(path).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(MOST_BYTES_OF_A_SECRET + 1)
        text = raw.decode()
    except (OSError, ValueError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is no text"
        message = f"{name}_FILE names {path}, which cannot be read: {why}."
        raise SettingInvalid(message) from fault
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        message = f"{name}_FILE names {path}, which everybody on this machine may open. Close it: chmod o= {path}"
        raise SettingInvalid(message)
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip() or len(raw) > MOST_BYTES_OF_A_SECRET or any(ord(each) < 0x20 for each in text):
        message = f"{name}_FILE names {path}, which must hold one line, the secret, and nothing else."
        raise SettingInvalid(message)
    return text


def _check_secretly(field: str, name: str, text: str) -> None:
    """Check what may hold a secret, and refuse it without its value."""
    if field in SCHEMES:
        _check_url(name, text, SCHEMES[field])
    elif field == "secret_key":
        _check_keys(name, text.split(","))
    elif field == "audit_key":
        _check_keys(name, [text])


def _check_url(name: str, text: str, schemes: tuple[str, ...]) -> None:
    try:
        known = urlsplit(text).scheme in schemes
    except ValueError:
        known = False
    if not known:
        message = f"{name} cannot be used: it must be a URL that begins with {schemes[0]}:// or {schemes[1]}://."
        raise SettingInvalid(message)


def _check_keys(name: str, keys: Sequence[str]) -> None:
    for key in keys:
        try:
            length = len(urlsafe_b64decode(key.strip()))
        except ValueError:
            length = 0
        if length != SEALING_KEY_BYTES:
            message = (
                f"{name} cannot be used: each of its keys must be 32 bytes in URL-safe base64. Make one with: "
                "python3 -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"
            )
            raise SettingInvalid(message)


def _check_networks(field: str, given: object) -> None:
    if field in NETWORKS and isinstance(given, tuple):
        for each in given:  # pyright: ignore[reportUnknownVariableType]  texts, as `_read` gives them
            _check_network(str(each))  # pyright: ignore[reportUnknownArgumentType]  a text, as read


def _check_network(text: str) -> None:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        network = None
    if network is None or ip_address(text.partition("/")[0]) != network.network_address:
        message = f"{text} is no network; write one such as {network or '10.0.0.0/8'}"
        raise ValueError(message)


def _read_flag(text: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in known:
        message = "write true or false"
        raise ValueError(message)
    return known[text.lower()]


def _read_seconds(text: str) -> timedelta:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        message = "write a number of seconds above 0"
        raise ValueError(message)
    return timedelta(seconds=seconds)


def _read(text: str, kind: object) -> object:
    if kind is timedelta:
        return _read_seconds(text)
    if kind is bool:
        return _read_flag(text)
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind == Path | None:
        return Path(text)
    return msgspec.convert(text, kind, strict=False)
