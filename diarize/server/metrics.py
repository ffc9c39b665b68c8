"""What Prometheus reads at /metrics: counts and times, no names and no content."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector

SECONDS = (0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)


class Metrics:
    """The metrics of one service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "diarize_requests", "Requests answered", ["call", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "diarize_request_seconds",
            "Time from a request's head to the end of its answer",
            ["call"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "diarize_requests_in_flight", "Requests under way", registry=self.registry
        )
        self.waiting = Gauge(
            "diarize_requests_waiting", "Requests that wait for a worker", registry=self.registry
        )
        self.working = Gauge(
            "diarize_workers_busy", "Recordings worked on now", registry=self.registry
        )
        self.audio_seconds = Counter(
            "diarize_audio_seconds", "Length of the recordings decoded", registry=self.registry
        )
        self.queued = Gauge("diarize_jobs_queued", "Jobs that wait", registry=self.registry)
        self.jobs = Counter("diarize_jobs", "Jobs ended", ["state"], registry=self.registry)

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)
