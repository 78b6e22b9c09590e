"""The process: the address first, then the engine, then the answers until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from longtail.index.errors import LongtailError
from longtail.retrieval.run.bundle import read_manifest
from longtail.retrieval.run.lease import serving
from longtail.serving.access import Keys, refuse_open_service
from longtail.serving.app import make_app
from longtail.serving.heap import keep_heap_small, settled_heap
from longtail.serving.http.connection import SEND_BUFFER_BYTES, Connections
from longtail.serving.limits import Limits
from longtail.serving.logs import log_to_stderr
from longtail.serving.service import Service

BACKLOG = 1024
# How long one thread works on before another may: the loop shall not wait for the engine.
GIL_S = 0.001


class AddressError(LongtailError):
    """The address can't be bound."""


class _Server(uvicorn.Server):
    """Says when it listens, and stops in peace on SIGTERM and SIGINT: that is no failure."""

    def __init__(self, config: uvicorn.Config, listens: Callable[[], None]) -> None:
        super().__init__(config)
        self._listens = listens

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._listens()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def serve(
    run: Path,
    host: str,
    port: int,
    keys: Keys,
    limits: Limits,
    announce: Callable[[str], None],
    *,
    wait_s: float = 0.0,
) -> None:
    """Serve a run until SIGTERM or Ctrl-C; ``announce`` is called with the URL once it answers.

    Raises:
        LeaseError: another process serves it, and did for ``wait_s`` seconds.
        AccessError: other machines could reach it and there is no key.
        AddressError: the address is taken, or isn't one of this machine.
        LongtailError: the run can't be served; the message says what to do.
    """
    sys.setswitchinterval(GIL_S)
    keep_heap_small()
    refuse_open_service(host, keys)
    read_manifest(run)  # what is wrong with a folder that is no run is known at once
    # Whoever served it until now has the address for as long.
    with (
        serving(run, wait_s=wait_s) as lease,
        bound_socket(host, port) as listener,
        log_to_stderr(),
    ):
        service = Service.open(run, limits, lease)
        config = uvicorn.Config(
            make_app(service, keys, local_only=not keys),
            lifespan="on",
            http=Connections(limits, service.metrics).protocol,  # type: ignore[arg-type]
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=int(limits.drain_s),
        )
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{listener.getsockname()[1]}"
        with settled_heap():
            _Server(config, lambda: announce(url)).run(sockets=[listener])


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket that has the address, and doesn't answer yet.

    Raises:
        AddressError: the address is taken, or isn't one of this machine.
    """
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it: what a client doesn't take shall not grow in the system instead.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressError(
                f"port {port} of {host} is in use; stop what listens there or give another --port"
            ) from error
        reason = error.strerror or str(error)
        raise AddressError(f"can't listen on {host}, port {port}: {reason}") from error
    return listener
