"""The sealed tier's key from a secret store, by the token with which GitHub says which workflow asks.

GitHub signs, for a job that may ask, a token that names the reusable workflow that the job runs and its commit
(``job_workflow_ref``). Nobody who changes the workflow gets that name. The store is HashiCorp Vault, or OpenBao, which
has the same interface: it checks the token and hands out a token of its own, by which the key is read once.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3

from ..boundary.shared.text import clean_line
from .model import HostedError, RemoteError

ADDRESS, PASS = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_LOCAL = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Store:
    """Where the key is.

    Attributes:
        address: of the store, such as ``https://vault.example.edu``.
        role: the role whose bound claims name the workflow.
        path: of the secret, such as ``secret/data/vae-grade-hidden``.
        audience: for whom the token is made; the role demands the same.
        mount: under which the store takes tokens.
        field: in which field of the secret the key is.
    """

    address: str
    role: str
    path: str
    audience: str
    mount: str = "jwt"
    field: str = "key"


def key(store: Store) -> str:
    """Ask GitHub for a token, show it to the store, and return the key.

    Raises:
        HostedError: the job may not ask for a token, or an address is not encrypted.
        RemoteError: GitHub or the store refused, or gave no answer.
    """
    asked, shown = os.environ.get(ADDRESS, ""), os.environ.get(PASS, "")
    if not asked or not shown:
        raise HostedError(f"{ADDRESS} is not set: the job needs the permission 'id-token: write'")
    pool = urllib3.PoolManager(timeout=30, retries=urllib3.Retry(total=3, redirect=0, backoff_factor=1))
    url = f"{asked}{'&' if '?' in asked else '?'}audience={quote(store.audience, safe='')}"
    token = _member(_ask(pool, "GET", url, {"Authorization": f"Bearer {shown}"}), "value")
    base = store.address.rstrip("/") + "/v1"
    login = {"role": store.role, "jwt": token}
    answer = _ask(pool, "POST", f"{base}/auth/{quote(store.mount)}/login", {}, login)
    granted = _member(answer, "auth", "client_token")
    secret = _ask(pool, "GET", f"{base}/{quote(store.path)}", {"X-Vault-Token": granted})
    return _member(secret, "data", "data", store.field)


def _ask(
    pool: urllib3.PoolManager, method: str, url: str, headers: dict[str, str], body: dict[str, str] | None = None
) -> Any:
    address = urlsplit(url)
    if address.scheme != "https" and address.hostname not in _LOCAL:
        raise HostedError(f"{clean_line(url, 80)} is no https address, and a token would be sent to it")
    who = f"{address.hostname}{address.path}"
    try:
        found = pool.request(method, url, headers=headers, json=body)
        value = json.loads(found.data) if found.data else {}
    except (urllib3.exceptions.HTTPError, ValueError):
        # What the library says could quote the token.
        raise RemoteError(f"{who} gave no answer that can be read") from None
    if found.status != 200:
        told = "; ".join(map(str, value.get("errors", ()))) if isinstance(value, dict) else ""
        raise RemoteError(f"{who} refused: {found.status} {clean_line(told, 300)}".strip())
    return value


def _member(value: Any, *names: str) -> str:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value:
        raise RemoteError(f"an answer lacks {'.'.join(names)}")
    return value
