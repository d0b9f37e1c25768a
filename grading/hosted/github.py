"""GitHub's REST interface, as far as it is used: conditional requests, patience, and an end to it.

A request that GitHub asks to be made later is made later, if that is soon; else the step ends and the next run goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

from ..boundary.shared.text import clean_line
from .model import HostedError, RemoteError

API = "https://api.github.com"
VERSION = "2022-11-28"
PATIENCE = 300.0
"""How long a step waits, in seconds, where GitHub asks it to."""
_LOCAL = {"127.0.0.1", "localhost", "::1"}


class LimitedError(RemoteError):
    """The service wants no more requests for now."""


class RefusedError(RemoteError):
    """The service refused one request, by a status from 400 to 499."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Retry(urllib3.Retry):
    # GitHub's secondary limits come as 403 or 429 with Retry-After.
    RETRY_AFTER_STATUS_CODES = frozenset({403, 413, 429, 503})

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        """How long to wait; too long a wait ends the step instead."""
        seconds = super().get_retry_after(response)
        if seconds is not None and seconds > PATIENCE:
            raise LimitedError(f"GitHub asks to wait for {seconds:.0f} s; the next run goes on from here")
        return seconds


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        status: from 200 to 399.
        body: the JSON value; None if there is none.
        etag: what to ask with next time, "" if there is none.
        more: the address of the next page, "" if there is none.
    """

    status: int
    body: Any
    etag: str
    more: str


class GitHub:
    """A connection to GitHub.

    Args:
        token: gives the token to show.
        base: the address of the interface; anything but HTTPS only on this machine.
        pace: seconds between two requests that create something, of which GitHub wants no more than one a second.

    Raises:
        HostedError: the token would cross the network unencrypted.
    """

    def __init__(self, token: Callable[[], str], base: str = API, pace: float = 1.0) -> None:
        address = urlsplit(base)
        if address.scheme != "https" and address.hostname not in _LOCAL:
            raise HostedError(f"{clean_line(base)} is no https address, and a token would be sent to it")
        self._base, self._token, self._pace = base.rstrip("/"), token, pace
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=15, read=60))
        self._written = 0.0
        self.requests = 0

    def get(self, path: str, etag: str = "") -> Reply:
        """Ask for something; with an ``etag``, status 304 says that it is as it was."""
        return self._ask("GET", path, None, {"If-None-Match": etag} if etag else {})

    def write(self, method: str, path: str, body: Any) -> Reply:
        """Create or change something. A request whose answer is lost is not repeated: it may have been obeyed."""
        time.sleep(max(0.0, self._written + self._pace - time.monotonic()))
        try:
            return self._ask(method, path, body, {})
        finally:
            self._written = time.monotonic()

    def _ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Reply:
        reading = method == "GET"
        retry = _Retry(
            total=4,
            connect=3,
            read=3 if reading else 0,
            redirect=3 if reading else 0,
            status_forcelist={500, 502, 503, 504} if reading else set(),
            allowed_methods=None,
            backoff_factor=1,
            backoff_jitter=0.5,
            raise_on_status=False,
        )
        sent = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token()}",
            "User-Agent": "vae-grade",
            "X-GitHub-Api-Version": VERSION,
            **headers,
        }
        url = path if path.startswith(self._base + "/") else self._base + path
        data = None if body is None else json.dumps(body).encode()
        self.requests += 1
        try:
            found = self._pool.request(method, url, body=data, headers=sent, retries=retry)
            value = json.loads(found.data) if found.data else None
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise RemoteError(f"{method} {path}: {clean_line(str(error), 300)}") from None
        if found.status >= 400:
            raise self._refusal(found, f"{method} {path}", value)
        return Reply(found.status, value, found.headers.get("ETag", ""), _next(found.headers.get("Link", "")))

    def _refusal(self, found: urllib3.BaseHTTPResponse, asked: str, value: Any) -> RemoteError:
        told = value.get("message", "") if isinstance(value, dict) else ""
        message = f"{asked}: {found.status} {clean_line(str(told), 200)}"
        spent = found.headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in found.headers
        if found.status == 429 or (found.status == 403 and spent):
            return LimitedError(f"{message}; the next run goes on from here")
        return RefusedError(found.status, message) if found.status < 500 else RemoteError(message)


def _next(link: str) -> str:
    """The address that a ``Link`` header names as the next page."""
    for part in link.split(","):
        address, _, relation = part.partition(";")
        if 'rel="next"' in relation:
            return address.strip().strip("<>")
    return ""
