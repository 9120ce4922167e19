"""A small identity provider of the tests' own: a process with its own keys, which misbehaves as it is told.

`python provider.py` prints the address that it listens on. It signs everybody in as the person that it was told about.
What it is told arrives as JSON at `/told`, and `/seen` tells what it was asked.
"""

import base64
import hashlib
import hmac
import json
import secrets
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

EVENT = "http://schemas.openid.net/event/backchannel-logout"
CLIENT, SECRET = "countersign", "a secret of the tests"
PERSON = {"sub": "nora-1", "email": "nora@example.com", "email_verified": True, "name": "Nora", "groups": ["staff"]}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Provider:
    """What it knows and what it was told; `told` holds the ways in which it misbehaves."""

    def __init__(self) -> None:
        self.issuer = ""
        self.keys: list[Any] = [RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})]
        self.keys.append(ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"}))
        self.told: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.seen: list[dict[str, Any]] = []

    def rotate(self) -> None:
        self.keys = [RSAKey.generate_key(2048, {"kid": f"rsa-{secrets.token_hex(4)}", "use": "sig"})]

    def discovery(self) -> dict[str, Any]:
        issuer = self.issuer
        document: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "end_session_endpoint": f"{issuer}/end",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return document | dict(self.told.get("discovery", {}))

    def person(self) -> dict[str, Any]:
        return PERSON | dict(self.told.get("person", {}))

    def claims(self, nonce: str) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, "sid": "sid-1"}
        claims |= {
            name: value for name, value in self.person().items() if name not in self.told.get("only_userinfo", ())
        }
        claims |= {name: now + seconds for name, seconds in self.told.get("times", {}).items()}
        claims |= self.told.get("claims", {})
        return {name: value for name, value in claims.items() if name not in self.told.get("without", ())}

    def sign(self, claims: dict[str, Any], typ: str = "JWT") -> str:
        payload = json.dumps(claims).encode()
        if doubled := self.told.get("doubled"):
            payload = b"{" + doubled.encode() + b", " + payload[1:]
        how = self.told.get("sign", "rs256")
        key = self.keys[0]
        header = {"alg": "RS256", "kid": key.kid, "typ": typ} | self.told.get("header", {})
        if how == "es256":
            key = self.keys[1]
            header |= {"alg": "ES256", "kid": key.kid}
        if how == "none":
            return f"{b64(json.dumps({'alg': 'none', 'typ': typ}).encode())}.{b64(payload)}."
        if how == "none_signed":
            return f"{b64(json.dumps({'alg': 'none', 'typ': typ}).encode())}.{b64(payload)}.{b64(b'x')}"
        if how == "hs256":  # with the public key, in the form in which it is published
            header |= {"alg": "HS256"}
            body = f"{b64(json.dumps(header).encode())}.{b64(payload)}"
            return f"{body}.{b64(hmac.new(key.as_pem(private=False), body.encode(), hashlib.sha256).digest())}"
        if how in {"stranger", "jwk", "jku", "x5u"}:  # a key of nobody's, which the header brings along or points to
            key = RSAKey.generate_key(2048, {"kid": header["kid"]})
        if how == "jwk":
            header["jwk"] = key.as_dict(private=False)
        if how in {"jku", "x5u"}:
            self.told["stray_keys"] = {"keys": [key.as_dict(private=False)]}
            header[how] = f"{self.issuer}/stray"
        header = {name: value for name, value in header.items() if value is not None}
        body = f"{b64(json.dumps(header).encode())}.{b64(payload)}"
        registry = jws.JWSRegistry(algorithms=["RS256", "ES256"])
        signer = registry.get_alg(header["alg"])
        return f"{body}.{b64(signer.sign(body.encode(), key))}"


class Answers(BaseHTTPRequestHandler):
    """The endpoints."""

    provider: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if parts.path == "/seen":
            return self._json(self.provider.seen)
        self._note(parts.path, query)
        if self._misbehaves(parts.path):
            return None
        answers: dict[str, Callable[[], None]] = {
            "/.well-known/openid-configuration": lambda: self._json(self.provider.discovery()),
            "/authorize": lambda: self._authorize(query),
            "/keys": lambda: self._json(self.provider.told.get("keys") or self._keys()),
            "/stray": lambda: self._json(self.provider.told["stray_keys"]),
            "/userinfo": lambda: self._json(self.provider.person() | self.provider.told.get("userinfo", {})),
            "/end": lambda: self._send(200, b"<h1>Signed out of the provider</h1>", "text/html"),
        }
        return answers.get(parts.path, lambda: self._json({"error": "not_found"}, 404))()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/reset":
            self.provider.told, self.provider.seen = {}, []
            return self._json({})
        if self.path == "/told":
            told = json.loads(body)
            if told.pop("rotate", False):
                self.provider.rotate()
            self.provider.told = told
            return self._json({})
        if self.path == "/sign":  # a token of the test's own making, signed by this provider
            asked = json.loads(body)
            return self._json({"token": self.provider.sign(asked["claims"], asked.get("typ", "JWT"))})
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self._note(self.path, form)
        if self._misbehaves(self.path):
            return None
        return self._token(form)

    def _authorize(self, query: dict[str, str]) -> None:
        provider = self.provider
        back = {"state": query["state"], "iss": provider.issuer}
        if "deny" in provider.told:
            back["error"] = provider.told["deny"]
        else:
            back["code"] = secrets.token_urlsafe(16)
            provider.codes[back["code"]] = query
        back |= provider.told.get("back", {})
        url = f"{query['redirect_uri']}?{urlencode({name: value for name, value in back.items() if value is not None})}"
        if provider.told.get("page"):
            page = f'<h1>The test provider</h1><a href="{url.replace("&", "&amp;")}">Come in as Nora</a>'
            return self._send(200, page.encode(), "text/html")
        return self._send(302, b"", "text/plain", location=url)

    def _token(self, form: dict[str, str]) -> None:
        asked = self.provider.codes.pop(form.get("code", ""), None)
        if asked is None:
            return self._json({"error": "invalid_grant"}, 400)
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        is_client = self.headers.get("authorization") == basic or form.get("client_secret") == SECRET
        if self.provider.told.get("public"):
            is_client = form.get("client_id") == CLIENT
        if asked.get("code_challenge") != challenge or asked.get("code_challenge_method") != "S256":
            return self._json({"error": "invalid_grant"}, 400)
        if not is_client or form.get("redirect_uri") != asked["redirect_uri"]:
            return self._json({"error": "invalid_client"}, 401)
        claims = self.provider.claims(asked["nonce"])
        token = self.provider.told.get("raw_token") or self.provider.sign(claims, self.provider.told.get("typ", "JWT"))
        if padding := self.provider.told.get("padding"):
            token = self.provider.sign(claims | {"padding": "x" * padding})
        answer = {"access_token": "access", "token_type": "Bearer", "id_token": token}
        return self._json(
            {name: value for name, value in answer.items() if name not in self.provider.told.get("omit", ())}
        )

    def _keys(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) for key in self.provider.keys]}

    def _misbehaves(self, path: str) -> bool:
        """Do what it was told to do at a path instead of answering."""
        told = self.provider.told.get("at", {}).get(path)
        if told is None:
            return False
        if told == "hang":
            threading.Event().wait(20)
        elif told == "redirect":
            self._send(302, b"", "text/plain", location=f"{self.provider.issuer}/stray")
        elif told == "flood":
            self._send(200, b'{"x": "' + b"x" * 5_000_000 + b'"}', "application/json")
        elif told == "deep":
            self._send(200, b"[" * 100_000, "application/json")
        else:
            self._send(int(told), b"<p>no</p>", "text/html")
        return True

    def _note(self, path: str, given: dict[str, str]) -> None:
        self.provider.seen.append({"path": path, "given": given, "headers": dict(self.headers)})

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # whoever asked has heard enough

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name in the standard library
        """Say nothing."""


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    Answers.provider = Provider()
    Answers.provider.issuer = f"http://127.0.0.1:{server.server_port}"
    sys.stdout.write(Answers.provider.issuer + "\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
