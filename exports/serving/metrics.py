"""What the server counts, for Prometheus: requests, times, batches, and who waits."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from .bodies import Bodies
from .shelf import Shelf

_MODEL = ("model",)
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_IMAGES = tuple(2**power for power in range(10))


class Metrics:
    """Counters of one server; a model keeps its own when its file is replaced.

    Requests are those to `infer`, by the name of their model (empty for one that there is not) and the HTTP
    status of the answer: 4xx and 5xx are the errors. Their seconds begin when the head has been read.
    """

    def __init__(self) -> None:
        kept = self._registry = CollectorRegistry()
        # The process's own memory and time, where the system tells them.
        ProcessCollector(registry=kept)
        self._requests = Counter("mtl_requests", "Requests answered", ("model", "status"), registry=kept)
        self._seconds = Histogram(
            "mtl_request_seconds", "Time to answer", _MODEL, buckets=_SECONDS, registry=kept
        )
        self._batches = Histogram(
            "mtl_batch_images", "Images of a run", _MODEL, buckets=_IMAGES, registry=kept
        )
        self._runs = Histogram("mtl_run_seconds", "Time of a run", _MODEL, buckets=_SECONDS, registry=kept)
        self._waiting = Gauge(
            "mtl_queue_requests", "Requests that wait for their turn", _MODEL, registry=kept
        )
        self._ready = Gauge("mtl_model_ready", "Whether a model answers", _MODEL, registry=kept)
        self._held = Gauge("mtl_held_bytes", "Bytes of bodies that are held", registry=kept)
        self._answers: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        about = Gauge("mtl_info", "The server", ("version",), registry=kept)
        about.labels(version("mtl-composer")).set(1)

    def answered(self, model: str, status: int, seconds: float) -> None:
        """Count an answer."""
        kept = self._answers.get((model, status))
        if kept is None:
            # To look them up by label takes longer than to count.
            kept = self._requests.labels(model, status), self._seconds.labels(model)
            self._answers[model, status] = kept
        kept[0].inc()
        kept[1].observe(seconds)

    def observer(self, model: str) -> Callable[[int, float], None]:
        """Return what counts a run of a model, with its images and seconds; from any thread."""
        batches, runs = self._batches.labels(model), self._runs.labels(model)

        def observe(images: int, seconds: float) -> None:
            batches.observe(images)
            runs.observe(seconds)

        return observe

    def response(self, shelf: Shelf, bodies: Bodies) -> Response:
        """Return all of it in Prometheus's text format."""
        self._held.set(bodies.held)
        for place in shelf.places():
            self._ready.labels(place.name).set(place.model is not None)
            self._waiting.labels(place.name).set(place.model.batcher.waiting if place.model else 0)
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)
