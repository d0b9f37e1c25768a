"""GitHub's issuer of tokens and a secret store, as two small servers in one: the tokens are signed for real.

The store does what HashiCorp Vault's documentation says of a role of type ``jwt``: signature by the issuer's published
keys, issuer, audience, times, and every bound claim equal. The role and the policy are the ones in ``docs/vault``.
"""

import json
import re
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from harness.conftest import ROOT
from jwt.algorithms import RSAAlgorithm

ROLE = json.loads((ROOT / "docs" / "vault" / "role.json").read_text(encoding="utf-8"))
POLICY = re.findall(
    r'path "([^"]+)" \{\s*capabilities = \["read"\]', (ROOT / "docs" / "vault" / "policy.hcl").read_text()
)
ISSUER = "https://token.actions.githubusercontent.com"


def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Store:
    """Issuer and store.

    Attributes:
        forge: makes the token from its right claims; a job that runs the right workflow gets them signed as they are.
        granted: the store's tokens, with how often each may still be used.
        logins: how often somebody came in.
    """

    def __init__(self, secret):
        self.secret, self.key, self.password = secret, new_key(), secrets.token_hex(8)
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        self.keys = jwt.PyJWKSet.from_dict({"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]})
        self.forge = lambda claims: self.sign(claims)
        self.granted, self.logins = {}, 0
        store = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                status, value = store.handle(self.command, self.path, self.headers, body)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(value).encode())

            do_GET = do_POST = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def sign(self, claims, key=None, kid="one", algorithm="RS256"):
        return jwt.encode(claims, key or self.key, algorithm=algorithm, headers={"kid": kid})

    def claims(self, audience):
        """What GitHub says of a job that runs the trusted workflow for a student's repository."""
        now = int(time.time())
        bound = ROLE["bound_claims"]
        return {
            **{
                "iss": ISSUER,
                "aud": audience,
                "iat": now,
                "nbf": now - 5,
                "exp": now + 300,
                "jti": secrets.token_hex(8),
            },
            **{"sub": "repo:COURSE/s01:ref:refs/heads/main", "repository": "COURSE/s01", "ref": "refs/heads/main"},
            **{"workflow_ref": "COURSE/s01/.github/workflows/grade.yml@refs/heads/main", "event_name": "push"},
            **bound,
        }

    def handle(self, method, target, headers, body):
        address = urlsplit(target)
        if address.path == "/token":
            if headers["Authorization"] != f"Bearer {self.password}":
                return 401, {}
            return 200, {"value": self.forge(self.claims(parse_qs(address.query)["audience"][0]))}
        if (method, address.path) == ("POST", "/v1/auth/jwt/login"):
            return self.login(body)
        granted = headers.get("X-Vault-Token", "")
        readable = f"/v1/{POLICY[0]}" == address.path and len(POLICY) == 1
        if not readable or self.granted.get(granted, 0) < 1:
            return 403, {"errors": ["permission denied"]}
        self.granted[granted] -= 1
        return 200, {"data": {"data": {"key": self.secret}}}

    def login(self, body):
        self.logins += 1
        try:
            assert body["role"] == "vae-grade-sealed", "there is no such role"
            header = jwt.get_unverified_header(body["jwt"])
            (key,) = [key for key in self.keys.keys if key.key_id == header.get("kid")]
            claims = jwt.decode(
                body["jwt"],
                key.key,
                algorithms=["RS256"],
                audience=ROLE["bound_audiences"],
                issuer=ISSUER,
                leeway=ROLE["clock_skew_leeway"],
                options={"require": ["exp", "iat", "aud", "iss", ROLE["user_claim"]]},
            )
            for name, wanted in ROLE["bound_claims"].items():
                assert claims.get(name) == wanted, f'claim "{name}" does not match any associated bound claim values'
        except (jwt.PyJWTError, AssertionError, ValueError) as error:
            return 400, {"errors": [f"error validating token: {error}"]}
        token = f"hvs.{secrets.token_hex(16)}"
        self.granted[token] = ROLE["token_num_uses"]
        return 200, {"auth": {"client_token": token, "policies": ROLE["token_policies"]}}
