"""Logs for machines: one JSON object a line on stderr, without anything about users."""

from __future__ import annotations

import logging
import queue
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from typing import Any

import orjson

LINES_KEPT = 10_000

logger = logging.getLogger("longtail.service")


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object: time, level, event, and the fields given with it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error, trace = record.exc_info[1], record.exc_info[2]
            # Where it happened, not with what: a message may hold what a client sent.
            line["error"] = type(error).__name__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            if trace is not None:
                code = trace.tb_frame.f_code
                line["where"] = f"{code.co_filename}:{trace.tb_lineno} {code.co_name}"
        return orjson.dumps(line, default=str).decode()


class _Queue(QueueHandler):
    """Hands lines to the writing thread; when nobody reads stderr, they are dropped."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(queue.Full):
            self.queue.put_nowait(record)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        # The same process writes it: nothing has to be made fit for another one.
        return record


@contextmanager
def log_to_stderr() -> Iterator[None]:
    """Send this service's log, and the server's warnings, to stderr as JSON lines.

    A thread of its own writes them: a reader that stalls doesn't stall the answers.
    """
    lines: queue.Queue[logging.LogRecord] = queue.Queue(LINES_KEPT)
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(JsonLines())
    listener = QueueListener(lines, stream)
    listener.start()
    for name, level in (("longtail.service", logging.INFO), ("uvicorn", logging.WARNING)):
        named = logging.getLogger(name)
        named.handlers = [_Queue(lines)]
        named.setLevel(level)
        named.propagate = False
    try:
        yield
    finally:
        listener.stop()


def log(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write one line."""
    logger.log(level, event, extra={"fields": fields})
