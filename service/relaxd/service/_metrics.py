"""Prometheus metrics, in a registry of their own for each application."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper bounds of the latency buckets. Unit: s."""

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Upper bounds of the buckets of molecules in a batch."""


class Metrics:
    """Everything that `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "relaxd_requests",
            "HTTP requests.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._problems = Counter(
            "relaxd_request_problems",
            "Requests that were answered with a problem, by category and code; `limit` holds what "
            "was refused because of a rate, a quota, a size, or because the server was busy.",
            ["category", "code"],
            registry=self.registry,
        )
        self._latency = Histogram(
            "relaxd_request_seconds",
            "Time from a request to the end of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._molecules = Counter(
            "relaxd_molecules",
            "Molecules answered by /v1/relax, by status and by what made the geometry.",
            ["status", "method"],
            registry=self.registry,
        )
        self._forward_passes = Counter(
            "relaxd_forward_passes",
            "Evaluations of the network, each for a whole batch.",
            registry=self.registry,
        )
        self._batch_size = Histogram(
            "relaxd_batch_molecules",
            "Molecules in each batch of the model; its count is the number of batches.",
            buckets=SIZES,
            registry=self.registry,
        )
        self._model_seconds = Counter(
            "relaxd_model_seconds", "Time the model was busy.", registry=self.registry
        )
        self.ready = Gauge(
            "relaxd_ready",
            "Whether the server can relax: 1, or 0 while it loads, drains, or after it failed.",
            registry=self.registry,
        )
        self.pending = Gauge(
            "relaxd_pending_molecules",
            "Molecules accepted and not yet answered.",
            registry=self.registry,
        )
        self.reading = Gauge(
            "relaxd_reading_molecules",
            "Molecules that are read, or wait for a process to be read in.",
            registry=self.registry,
        )
        self.queued = Gauge(
            "relaxd_queued_molecules",
            "Molecules that wait for a batch of the model.",
            registry=self.registry,
        )
        self.batch_budget = Gauge(
            "relaxd_batch_pairs",
            "Pairs of atoms that one batch may hold; falls when memory runs out.",
            registry=self.registry,
        )

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one HTTP request."""
        self._requests.labels(method, route, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def observe_problem(self, problem: str) -> None:
        """Count one problem document, by its type."""
        *_, category, code = problem.split(":")
        self._problems.labels(category, code).inc()

    def observe_molecule(self, status: str, method: str) -> None:
        """Count one molecule that is answered."""
        self._molecules.labels(status, method).inc()

    def observe_batch(self, n_molecules: int, n_forward: int, seconds: float) -> None:
        """Count one batch that the model ran."""
        self._batch_size.observe(n_molecules)
        self._forward_passes.inc(n_forward)
        self._model_seconds.inc(seconds)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
