"""What the demo app answers: the page, the probes and the metrics, as values without any socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from .faults import faults
from .histogram import Histogram, Labels
from .settings import Settings

REASONS = {200: "OK", 400: "Bad Request", 500: "Internal Server Error", 503: "Service Unavailable"}
COUNTED_PATHS = 50  # more distinct paths than this are counted as "other": a scanner must not fill the memory


class Request(NamedTuple):
    """The first line of a request, and whether its sender wants the connection kept."""

    method: str
    path: str
    keep_alive: bool = True


class Response(NamedTuple):
    """An answer; `delay` (seconds) passes before it is sent, `timed` says that it is counted in the histogram."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"
    delay: float = 0.0
    timed: bool = False


class App:
    """The app's state: its settings, its histogram, its place in the fault pattern, and whether it is leaving."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.histogram = Histogram()
        self.leaving = False
        self._faults: Iterator[bool] = faults(settings.error_rate, settings.seed)
        self._paths: set[str] = set()
        for status in ("200", "500"):
            self.histogram.begin(Labels("GET", "/", status))

    def answer(self, request: Request) -> Response:
        """Answer a request. Probes and metrics are neither delayed, nor failed, nor counted."""
        match request.path:
            case "/healthz":
                return Response(200, "ok\n")
            case "/readyz":
                return Response(503, "leaving\n") if self.leaving else Response(200, "ok\n")
            case "/metrics":
                return Response(200, self.histogram.text(), "text/plain; version=0.0.4; charset=utf-8")
            case _:
                return self._page()

    def _page(self) -> Response:
        page = {"version": self.settings.version, "pod": self.settings.pod}
        status = 200
        if next(self._faults):
            status = 500
            page["error"] = "this release fails a share of its requests on purpose (APP_ERROR_RATE)"
        return Response(status, json.dumps(page) + "\n", "application/json", self.settings.latency, timed=True)

    def count(self, request: Request, response: Response, seconds: float) -> None:
        """Count an answered request, if it is of the kind that is counted."""
        if response.timed:
            self.histogram.observe(Labels(request.method, self._path(request.path), str(response.status)), seconds)

    def _path(self, path: str) -> str:
        if path not in self._paths and len(self._paths) >= COUNTED_PATHS:
            return "other"
        self._paths.add(path)
        return path

    def encode(self, request: Request, response: Response, keep: bool) -> bytes:
        """The answer as it goes over the wire; a HEAD request gets the headers alone."""
        body = response.body.encode()
        head = (
            f"HTTP/1.1 {response.status} {REASONS[response.status]}\r\n"
            f"content-type: {response.content_type}\r\n"
            f"content-length: {len(body)}\r\n"
            f"x-app-version: {self.settings.version}\r\n"
            f"x-pod-name: {self.settings.pod}\r\n"
            f"{'' if keep else 'connection: close' + chr(13) + chr(10)}\r\n"
        )
        return head.encode() + (b"" if request.method == "HEAD" else body)
