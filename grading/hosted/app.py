"""A GitHub App's tokens: each is asked for no more than the step needs, and lives in this process alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jwt

from .github import GitHub
from .model import HostedError, RemoteError

KEY, APP, INSTALLATION = "VAE_GRADE_APP_PRIVATE_KEY", "VAE_GRADE_APP_ID", "VAE_GRADE_APP_INSTALLATION"
LIFETIME = 50 * 60
"""Seconds after which a token is replaced; GitHub's own last an hour."""


@dataclass(frozen=True)
class App:
    """A GitHub App as it is installed in the organisation with the students' repositories.

    Attributes:
        id: its number, which no other App can take.
        installation: the number of its installation.
        key: its private key, as PEM.
    """

    id: int
    installation: int
    key: str = field(repr=False)

    @classmethod
    def from_environment(cls) -> App:
        """The App that the environment names.

        Raises:
            HostedError: a variable is missing, or no number.
        """
        found = {name: os.environ.get(name, "") for name in (KEY, APP, INSTALLATION)}
        if missing := [name for name, value in found.items() if not value.strip()]:
            raise HostedError(f"the environment lacks {', '.join(missing)}; see docs/hidden-tier.md")
        for name in (APP, INSTALLATION):
            if not found[name].isascii() or not found[name].isdecimal():
                raise HostedError(f"{name} is no number")
        return cls(int(found[APP]), int(found[INSTALLATION]), found[KEY])

    def connect(self, base: str, permissions: Mapping[str, str], pace: float = 1.0) -> GitHub:
        """A connection with tokens that have these permissions and no others."""
        return GitHub(self._tokens(base, permissions), base, pace)

    def _tokens(self, base: str, permissions: Mapping[str, str]) -> Callable[[], str]:
        service = GitHub(self._assertion, base, 0)
        held, since = "", 0.0

        def token() -> str:
            nonlocal held, since
            if not held or time.monotonic() - since > LIFETIME:
                asked = {"permissions": dict(permissions)}
                reply = service.write("POST", f"/app/installations/{self.installation}/access_tokens", asked)
                held, since = str(_member(reply.body, "token")), time.monotonic()
            return held

        return token

    def _assertion(self) -> str:
        now = int(time.time())
        # GitHub's clock may be behind ours; it takes assertions of up to ten minutes.
        try:
            return jwt.encode({"iat": now - 60, "exp": now + 480, "iss": str(self.id)}, self.key, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            # The library's message may quote the key.
            raise HostedError(f"{KEY} is no RSA private key in PEM form") from None


def _member(value: object, name: str) -> object:
    if not isinstance(value, dict) or name not in value:
        raise RemoteError(f"GitHub's answer has no {name!r}")
    return value[name]
