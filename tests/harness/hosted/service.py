"""A small server in GitHub's role, over bare repositories: the endpoints that the hidden tier uses, and no others.

What it is asked and what it answers is held against ``schemas.json``: the properties, kinds, required names, values and
sizes that version 1.1.4 of GitHub's published OpenAPI description, for the API of 2022-11-28, has for these endpoints,
and for requests only the properties that we send.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import signal
import subprocess
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jsonschema
import jwt

SCHEMAS = json.loads((Path(__file__).parent / "schemas.json").read_text(encoding="utf-8"))
APP, OTHER_APP, INSTALLATION = 4711, 815, 7


def require(kind, part, value):
    """Hold a value against the published shape."""
    schema = {**SCHEMAS, "$ref": f"#/{kind}/{part}"}
    jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker())


def app(number):
    """A GitHub App as GitHub shows it."""
    base, time = "https://api.github.com/users/course", "2026-01-01T12:00:00Z"
    places = ("followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events")
    owner = {f"{name}_url": f"{base}/{name}" for name in (*places, "received_events", "avatar", "html")}
    owner |= {"login": "course", "id": 1, "node_id": "n", "gravatar_id": None, "type": "Organization"}
    owner |= {"site_admin": False, "url": base}
    names = {"id": number, "slug": f"app-{number}", "node_id": "n", "name": f"App {number}", "description": None}
    links = {"external_url": "https://example.org", "html_url": f"https://github.com/apps/app-{number}"}
    can = {"permissions": {"checks": "write", "contents": "read", "metadata": "read"}, "events": []}
    return {**names, **links, **can, "owner": owner, "created_at": time, "updated_at": time}


class Service:
    """The server and what it knows.

    Attributes:
        repositories: a folder with ``owner/name.git``.
        check_runs: by repository and commit.
        tokens: every token that was handed out, with its permissions.
        asked: how often each kind of request was made, and how often nothing had changed.
        faults: answers to give instead, once each: (kind, status, headers).
        kill: (after how many created check runs, process): the process is killed before it gets the answer.
        errors: what was wrong with requests.
    """

    def __init__(self, repositories, public_key):
        self.repositories, self.public_key = repositories, public_key
        self.check_runs, self.tokens, self.asked, self.faults = {}, {}, Counter(), []
        self.kill, self.errors, self.created = None, [], 0
        self.lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                with service.lock:
                    try:
                        status, value, headers = service.handle(self.command, self.path, self.headers, body)
                    except Exception as error:
                        service.errors.append(repr(error))
                        status, value, headers = 500, {"message": "see errors"}, {}
                if status is None:
                    self.close_connection = True
                    return
                data = b"" if value is None else json.dumps(value).encode()
                self.send_response(status)
                for name, text in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def git(self, repository, *arguments):
        command = ["git", "-C", str(self.repositories / f"{repository}.git"), *arguments]
        return subprocess.run(command, capture_output=True, check=True).stdout

    def handle(self, method, target, headers, body):
        address = urlsplit(target)
        path, query = address.path, {key: value[0] for key, value in parse_qs(address.query).items()}
        shown = headers["Authorization"].removeprefix("Bearer ")
        if method == "POST" and path == f"/app/installations/{INSTALLATION}/access_tokens":
            claims = jwt.decode(shown, self.public_key, algorithms=["RS256"], issuer=str(APP))
            assert claims["exp"] - claims["iat"] <= 600
            require("access_tokens", "request", body)
            token = f"ghs_{secrets.token_hex(18)}"
            self.tokens[token] = body["permissions"]
            return self.reply("access_tokens", 201, {"token": token, "expires_at": "2999-01-01T00:00:00Z"})
        match = re.fullmatch(r"/repos/([\w.-]+/[\w.-]+)/(.*)", path)
        repository, rest = match.groups()
        kinds = {
            "commits": ("GET", r"commits", {"contents": "read"}),
            "tree": ("GET", r"git/trees/([0-9a-f]{40})", {"contents": "read"}),
            "blob": ("GET", r"git/blobs/([0-9a-f]{40})", {"contents": "read"}),
            "listed": ("GET", r"commits/([0-9a-f]{40})/check-runs", {"checks": "write"}),
            "create": ("POST", r"check-runs", {"checks": "write"}),
            "update": ("PATCH", r"check-runs/(\d+)", {"checks": "write"}),
        }
        kind, found, needed = next(
            (kind, found, needed)
            for kind, (verb, pattern, needed) in kinds.items()
            if verb == method and (found := re.fullmatch(pattern, rest))
        )
        permissions = self.tokens[shown]
        # Exactly what the step needs: a token that could do more would be a fault.
        assert permissions == {**needed, "metadata": "read"}, (kind, permissions)
        self.asked[kind] += 1
        for fault in list(self.faults):
            if fault[0] == kind:
                self.faults.remove(fault)
                self.asked["faults"] += 1
                return self.refuse(fault[1], "You have exceeded a secondary rate limit.", fault[2])
        if not (self.repositories / f"{repository}.git").is_dir():
            return self.refuse(404, "Not Found")
        return getattr(self, kind)(repository, found, query, headers, body)

    def reply(self, kind, status, value, headers=None):
        require(kind, "response", value)
        return status, value, headers or {}

    def refuse(self, status, message, headers=None):
        return self.reply(
            "error", status, {"message": message, "documentation_url": "https://docs.github.com"}, headers
        )

    def commits(self, repository, found, query, headers, body):
        size, page = int(query["per_page"]), int(query.get("page", 1))
        if not (self.repositories / f"{repository}.git" / "refs" / "heads" / "main").is_file():
            return self.refuse(409, "Git Repository is empty.")
        every = self.git(repository, "log", "--format=%H %T %P", "HEAD").decode().splitlines()
        etag = 'W/"' + hashlib.sha256("\n".join(every).encode()).hexdigest() + '"'
        if headers.get("If-None-Match") == etag:
            self.asked["unchanged"] += 1
            return 304, None, {"ETag": etag}
        base = f"{self.url}/repos/{repository}"
        who = {"name": "A Student", "email": "student@example.org", "date": "2026-03-01T12:00:00Z"}
        value = []
        for line in every[(page - 1) * size : page * size]:
            sha, tree, *parents = line.split()
            inner = {"url": base, "author": who, "committer": who, "message": "work", "comment_count": 0}
            inner["tree"] = {"sha": tree, "url": f"{base}/git/trees/{tree}"}
            ids = {"url": base, "sha": sha, "node_id": sha, "html_url": base, "comments_url": base}
            people = {"author": None, "committer": None}
            value.append({**ids, "commit": inner, **people, "parents": [{"sha": p, "url": base} for p in parents]})
        more = {}
        if page * size < len(every):
            more = {"Link": f'<{base}/commits?per_page={size}&page={page + 1}>; rel="next", <{base}>; rel="last"'}
        return self.reply("commits", 200, value, {"ETag": etag, **more})

    def tree(self, repository, found, query, headers, body):
        entries = []
        for line in self.git(repository, "ls-tree", "-l", "-z", found[1]).decode().split("\0")[:-1]:
            (mode, kind, sha, size), path = line.split("\t")[0].split(), line.split("\t")[1]
            entry = {"path": path, "mode": mode, "type": kind, "sha": sha}
            entries.append(entry if size == "-" else {**entry, "size": int(size)})
        return self.reply("tree", 200, {"sha": found[1], "url": self.url, "tree": entries, "truncated": False})

    def blob(self, repository, found, query, headers, body):
        content = self.git(repository, "cat-file", "blob", found[1])
        # In lines, as GitHub sends them.
        text = base64.encodebytes(content).decode()
        facts = {"sha": found[1], "node_id": found[1], "size": len(content), "url": self.url, "encoding": "base64"}
        return self.reply("blob", 200, {**facts, "content": text})

    def check_runs_of(self, repository, sha):
        return self.check_runs.setdefault((repository, sha), [])

    def add(self, repository, sha, number, **fields):
        """A check run as GitHub shows it."""
        run = {
            **{"id": 1000 + sum(map(len, self.check_runs.values())), "node_id": "n", "head_sha": sha, "url": self.url},
            **{"html_url": None, "details_url": None, "started_at": None, "completed_at": "2026-03-01T12:00:00Z"},
            **{
                "check_suite": {"id": 1},
                "app": app(number),
                "pull_requests": [],
                "external_id": None,
                "annotations": [],
            },
            **fields,
        }
        self.check_runs_of(repository, sha).append(run)
        return run

    def shown(self, run):
        output = run["output"]
        facts = {"title": output["title"], "summary": output["summary"], "text": None, "annotations_url": self.url}
        value = {**run, "output": {**facts, "annotations_count": len(run["annotations"])}}
        del value["annotations"]
        return value

    def listed(self, repository, found, query, headers, body):
        runs = [self.shown(run) for run in self.check_runs_of(repository, found[1])]
        if "app_id" in query:
            runs = [run for run in runs if run["app"]["id"] == int(query["app_id"])]
        return self.reply("check_runs", 200, {"total_count": len(runs), "check_runs": runs})

    def create(self, repository, found, query, headers, body):
        require("create", "request", body)
        if subprocess.run(
            ["git", "-C", str(self.repositories / f"{repository}.git"), "cat-file", "-e", body["head_sha"]],
            capture_output=True,
            check=False,
        ).returncode:
            return self.refuse(422, f"No commit found for SHA: {body['head_sha']}")
        output = dict(body["output"])
        annotations = output.pop("annotations", [])
        fields = {**body, "output": output, "annotations": list(annotations)}
        del fields["head_sha"]
        run = self.add(repository, body["head_sha"], APP, **fields)
        self.created += 1
        if self.kill and self.created >= self.kill[0]:
            os.kill(self.kill[1](), signal.SIGKILL)
            self.kill = None
            return None, None, {}
        return self.reply("create", 201, self.shown(run))

    def update(self, repository, found, query, headers, body):
        require("update", "request", body)
        runs = [run for key, group in self.check_runs.items() if key[0] == repository for run in group]
        (run,) = [run for run in runs if run["id"] == int(found[1])]
        output = dict(body["output"])
        run["annotations"] += output.pop("annotations", [])
        run["output"] = {**run["output"], **output}
        return self.reply("update", 200, self.shown(run))
