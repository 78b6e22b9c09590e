"""Several requests sent at once on one connection whose client then goes."""

from __future__ import annotations

import asyncio
from unittest.mock import MagicMock

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from longtail.serving.http.connection import Connections
from longtail.serving.limits import Limits
from longtail.serving.metrics import Metrics


@pytest.mark.parametrize("cut_off", [False, True])
def test_the_request_that_is_answered_hears_of_it_and_the_others_never_begin(cut_off: bool) -> None:
    begun: list[str] = []
    told: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope["path"])
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        told.append(scope["path"])

    async def talk() -> None:
        config = Config(app, lifespan="off", log_config=None)
        config.load()
        shared = Connections(Limits(), Metrics())
        connection = shared.protocol(config=config, server_state=ServerState(), app_state={})
        transport = MagicMock()
        transport.get_extra_info.return_value = None
        transport.is_closing.return_value = False
        transport.get_write_buffer_size.return_value = 0
        # As uvloop does, once the handle is closed.
        transport.write.side_effect = RuntimeError("the handler is closed")
        connection.connection_made(transport)
        for path in ("/one", "/two", "/three"):
            connection.data_received(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        tasks = set(connection.tasks)
        await asyncio.sleep(0)
        if cut_off:
            connection.cut_off("answers")
        connection.connection_lost(None)
        _, waiting = await asyncio.wait(tasks, timeout=10)
        assert not waiting

    asyncio.run(talk())
    assert begun == told == ["/one"]
