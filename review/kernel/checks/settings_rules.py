"""What the settings must be like before anything is entrusted to them; of secrets no value is ever told."""

from base64 import urlsafe_b64decode
from itertools import pairwise
from urllib.parse import SplitResult, unquote, urlsplit

from review.kernel.checks.rules import Finding, ok, refused, warning
from review.kernel.hosts import is_loopback
from review.kernel.settings import Settings

LEAST_PASSWORD = 12
LEAST_BYTES_APART = 12  # 32 random bytes have fewer different ones once in 10^23 times
WELL_KNOWN = frozenset(
    {
        *("admin", "changeit", "changeme", "countersign", "default", "example", "guest", "hunter2", "letmein"),
        *("mypassword", "newpassword", "pass", "password", "passw0rd", "postgres", "postgrespassword", "qwerty"),
        *("redis", "review", "root", "secret", "secretpassword", "supersecret", "supersecretpassword", "test"),
    }
)


def of_settings(settings: Settings, *, is_embedded: bool = False) -> list[Finding]:
    """Judge what stands in the settings alone."""
    found = [] if is_embedded else [_database_password(settings), _redis(settings), _sealing_key(settings)]
    return [*found, of_listening(settings), _cookies(settings), _mail(settings), _webhooks(settings)]


def of_listening(settings: Settings) -> Finding:
    """Judge where web listens, and whether what passes there is encrypted on its way."""
    is_here = is_loopback(settings.host)
    if settings.public_url.startswith("https://") and settings.secure_cookies:
        return ok("encryption", "Browsers come by https, and cookies go no other way.")
    if is_here and not settings.public_url.startswith("https://"):
        return ok("encryption", f"Web listens on {settings.host}, which only this machine reaches.")
    where = f"Web listens on {settings.host}" if not is_here else "REVIEW_BASE_URL is https"
    said = f"{where}, and nothing says that TLS stands in front of it: passwords and items may pass in the clear."
    remedy = "Put TLS in front of it, then set REVIEW_BASE_URL=https://… and REVIEW_SECURE_COOKIES=true."
    if is_here:
        return warning("encryption", "REVIEW_BASE_URL is https, and cookies may go in the clear.", remedy)
    if settings.allow_plain_http:
        return warning("encryption", f"{said} REVIEW_ALLOW_PLAIN_HTTP lets it pass.", remedy)
    return refused("encryption", said, f"{remedy} Within a network you trust: REVIEW_ALLOW_PLAIN_HTTP=true")


def _database_password(settings: Settings) -> Finding:
    parts = urlsplit(settings.database_url)
    why = _weakness(parts)
    if not parts.password:
        return ok("database password", "The database URL holds none; the server knows this process in another way.")
    if why:
        said = f"The database password {why}."
        return refused("database password", said, "Set a long random one: openssl rand -hex 24")
    return ok("database password", "It is neither short nor known.")


def _weakness(parts: SplitResult) -> str:
    password = unquote(parts.password or "")
    said = password.lower()
    if said in {unquote(parts.username or "").lower(), parts.path.strip("/").lower()}:
        return "is the name of its user or database"
    if said.strip("0123456789!.-_ ") in WELL_KNOWN or said in WELL_KNOWN:
        return "is one that everybody tries first"
    if len(set(password)) < 5:
        return "repeats a few characters"
    return "" if len(password) >= LEAST_PASSWORD else f"has fewer than {LEAST_PASSWORD} characters"


def _redis(settings: Settings) -> Finding:
    parts = urlsplit(settings.redis_url)
    if parts.scheme == "unix" or not parts.hostname or is_loopback(parts.hostname):
        return ok("redis", "Only this machine reaches it.")
    if not parts.password:
        said = f"Redis at {parts.hostname} asks nobody for a password, so whoever reaches it may end or delay hints."
        return warning("redis", said, "Give it one: requirepass, and redis://:PASSWORD@HOST in REVIEW_REDIS_URL.")
    why = _weakness(parts)
    if why:
        return warning("redis", f"The password of Redis {why}.", "Set a long random one: openssl rand -hex 24")
    return ok("redis", "It asks for a password.")


def _sealing_key(settings: Settings) -> Finding:
    keys = [key.strip() for key in settings.secret_key.split(",") if key.strip()]
    make = "Make one: python3 -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"
    if not keys:
        said = "REVIEW_SECRET_KEY is not set, so secrets of webhooks would be stored as they are."
        return refused("sealing key", said, make)
    if any(_is_made_up(urlsafe_b64decode(key)) for key in keys):
        said = "A key of REVIEW_SECRET_KEY was not drawn at random: it repeats itself, counts, or is text."
        return refused("sealing key", said, f"{make} Put it first, and take the old one out once secrets are rotated.")
    return ok("sealing key", "Secrets are sealed with a random key before they are stored.")


def _is_made_up(raw: bytes) -> bool:
    counts = len({(after - before) % 256 for before, after in pairwise(raw)}) <= 2
    return len(set(raw)) < LEAST_BYTES_APART or counts or all(0x20 <= each < 0x7F for each in raw)


def _cookies(settings: Settings) -> Finding:
    if settings.secure_cookies and settings.base_url.startswith("http://"):
        said = "Cookies go by https alone, and REVIEW_BASE_URL is http: nobody can sign in from another machine."
        return warning("cookies", said, "Set REVIEW_BASE_URL to the https address.")
    return ok("cookies", "Cookies and the address that links carry go together.")


def _mail(settings: Settings) -> Finding:
    if settings.smtp_url and not settings.smtp_sender:
        return warning("mail", "A mail server is set and no sender, so no mail goes out.", "Set REVIEW_SMTP_SENDER.")
    if settings.smtp_sender and not settings.smtp_url:
        return warning("mail", "A sender is set and no mail server, so no mail goes out.", "Set REVIEW_SMTP_URL.")
    return ok("mail", "Mail goes out." if settings.smtp_url else "No mail is sent, as nothing is set for it.")


def _webhooks(settings: Settings) -> Finding:
    if settings.webhook_allow_http:
        said = "Webhooks may go by plain http, where whoever is on the way reads them."
        return warning("webhooks", said, "Unset REVIEW_WEBHOOK_ALLOW_HTTP once every receiver has https.")
    return ok("webhooks", "Webhooks go by https.")
