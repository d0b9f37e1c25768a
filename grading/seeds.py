"""Keys and seeds derived by HMAC-SHA256, so that one secret gives every submission and every check its own."""

from __future__ import annotations

import hashlib
import hmac


def derive_key(key: str, *names: str) -> str:
    """A key from another key and the names of what it is for, as hexadecimal digits."""
    return hmac.new(key.encode(), "\0".join(names).encode(), hashlib.sha256).hexdigest()


def derive_seed(key: str, *names: str) -> int:
    """A 63-bit seed from a key and the names of what it is for."""
    return int(derive_key(key, *names)[:16], 16) >> 1
