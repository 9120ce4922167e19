"""What a test drives: a provider that is told what to do, and a browser that goes there and comes back."""

import json
import re
import ssl
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx

from review.audit.rules import OPERATOR
from review.identity.oidc import joining
from tests.make import World

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the providers speak http, and reading all authorities takes long
HTML = {"accept": "text/html"}
FILE = """
providers:
  - name: acme
    title: Acme
    issuer: {acme}
    client_id: countersign
    client_secret: a secret of the tests
    allow: {{domains: [example.com], groups: [guests], emails: [ada@elsewhere.example]}}
    groups_claim: groups
    groups:
      leads: {{support: {{role: lead}}}}
      staff: {{support: {{role: reviewer, pools: [triage]}}, nowhere: {{role: admin}}}}
      seniors: {{support: {{role: reviewer, pools: [triage, seniors]}}}}
  - name: other
    title: The other one
    issuer: {other}
    client_id: countersign
    client_secret: a secret of the tests
    allow: {{domains: [example.com]}}
    groups_claim: [realm, roles]
    groups:
      staff: {{support: {{role: analyst, pools: [seniors]}}}}
"""


@contextmanager
def running_provider() -> Generator[str]:
    """Run a provider in a process of its own, and give its issuer."""
    command = [sys.executable, str(Path(__file__).with_name("provider.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def providers_file(directory: Path, acme: str, other: str, source: str = FILE) -> Path:
    file = directory / "providers.yaml"
    file.write_text(source.format(acme=acme, other=other))
    return file


class Idp:
    """A provider as the test speaks to it, beside the flow."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._http = httpx.AsyncClient(base_url=issuer, trust_env=False, verify=PLAIN)

    async def tell(self, **told: Any) -> None:
        """Have it behave in this way from now on."""
        (await self._http.post("/told", json=told)).raise_for_status()

    async def sign(self, claims: dict[str, Any], typ: str = "JWT") -> str:
        """Have it sign claims of the test's choosing."""
        answer = await self._http.post("/sign", json={"claims": claims, "typ": typ})
        return str(answer.json()["token"])

    async def seen(self, path: str) -> list[dict[str, Any]]:
        """List what it was asked at a path."""
        return [each for each in (await self._http.get("/seen")).json() if each["path"] == path]

    async def authorize(self, url: str) -> str:
        """Follow a browser there, and give where it sends the browser back to."""
        answer = await self._http.get(url)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._http.aclose()


@dataclass
class Surfer:
    """A browser with its cookies."""

    http: httpx.AsyncClient
    world: World
    cookies: dict[str, str] = field(default_factory=dict)

    async def go(self, name: str = "acme", target: str = "/", path: str = "", **form: str) -> str:
        """Press the provider's button, and give the address that the browser is sent to."""
        answer = await self.send("POST", f"/sign-in/with/{name}{path}", data={"next": target, **form})
        assert answer.status_code == 200, answer.text
        return answer.headers["refresh"].removeprefix("0; url=")

    async def come_back(self, url: str) -> httpx.Response:
        """Follow the provider's redirect back."""
        parts = urlsplit(url)
        return await self.send("GET", f"{parts.path}?{parts.query}")

    async def sign_in(self, idp: Idp, name: str = "acme", target: str = "/") -> httpx.Response:
        """Go there and come back."""
        return await self.come_back(await idp.authorize(await self.go(name, target)))

    async def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        self.http.cookies.clear()
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = HTML | ({"cookie": cookie} if cookie else {}) | more.pop("headers", {})
        answer = await self.http.request(method, path, headers=headers, **more)
        for name, value in answer.cookies.items():
            self.cookies[name] = value
        for line in answer.headers.get_list("set-cookie"):
            if "max-age=0" in line.lower():
                self.cookies.pop(line.partition("=")[0], None)
        self.http.cookies.clear()
        return answer

    @property
    def has_session(self) -> bool:
        return "countersign" in self.cookies

    async def sessions(self) -> int:
        """Count the sessions of everybody."""
        return int(await self.world.db.hot.fetchval("SELECT count(*) FROM sessions"))

    async def fetch(self, statement: str, *given: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.world.db.hot.fetch(statement, *given)]

    async def memberships(self) -> list[tuple[str, str]]:
        """List Nora's roles, each with where it comes from."""
        rows = await self.fetch(
            "SELECT m.role, m.source FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email LIKE 'nora@%'"
        )
        return [(row["role"], row["source"]) for row in rows]

    async def pools(self) -> list[tuple[str, str]]:
        """List Nora's pools, each with where it comes from."""
        rows = await self.fetch("SELECT pool, source FROM pool_members WHERE email LIKE 'nora@%' ORDER BY pool, source")
        return [(row["pool"], row["source"]) for row in rows]

    async def audit(self, action: str) -> list[dict[str, Any]]:
        """List the details of audit entries, in order."""
        rows = await self.fetch("SELECT details FROM audit_entries WHERE action = $1 ORDER BY id", action)
        return [json.loads(row["details"]) for row in rows]

    async def link(self, email: str, issuer: str, subject: str) -> None:
        """Link an identity as the operator does."""
        async with self.world.db.transaction() as tx:
            await joining.link_by_email(tx, email=email, issuer=issuer, subject=subject, actor=OPERATOR)

    def token_in(self, page: httpx.Response) -> str:
        """Give the token that a page's forms carry."""
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert found is not None
        return found[1]


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
