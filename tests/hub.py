"""A stand-in for the Hugging Face hub on loopback: the two calls that a download makes."""

from __future__ import annotations

import hashlib
import http.server
import json


class Hub(http.server.ThreadingHTTPServer):
    """The two calls of the Hugging Face hub that a download makes, on loopback."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.files = files
        self.commit = "1" * 40


class HubHandler(http.server.BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None: ...

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        name = self.path.split("?")[0].rsplit("/", 1)[-1]
        if self.path.startswith("/api/models/"):
            body = json.dumps(
                {
                    "id": "owner/toy",
                    "sha": self.server.commit,
                    "siblings": [
                        {"rfilename": n, "size": len(d), "blobId": hashlib.sha1(d).hexdigest()}
                        | (
                            {
                                "lfs": {
                                    "sha256": hashlib.sha256(d).hexdigest(),
                                    "size": len(d),
                                    "pointerSize": 134,
                                }
                            }
                            if n == "model.bin"
                            else {}
                        )
                        for n, d in self.server.files.items()
                    ],
                }
            ).encode()
        else:
            body = self.server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", self.server.commit)
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
