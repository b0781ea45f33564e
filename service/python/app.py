import asyncio
import os
import socket

import restate
from hypercorn.asyncio import serve
from hypercorn.config import Config

from answer import answer
from awakeable import awakeable
from counter import counter
from list_object import list_object
from mailbox_object import mailbox
from map_object import map_object
from probe import probe
from register import register

app = restate.app([answer, awakeable, counter, list_object, mailbox, map_object, register, probe])


def main() -> None:
    address = (os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "9080")))
    with socket.create_server(address) as listener:
        config = Config()
        config.bind = [f"fd://{listener.fileno()}"]
        # The server keeps its connections open: hypercorn's defaults end them.
        config.h2_max_concurrent_streams = 2147483647
        config.keep_alive_max_requests = 2147483647
        config.keep_alive_timeout = 2147483647
        print(f"listening on port {listener.getsockname()[1]}", flush=True)
        asyncio.run(serve(app, config))


if __name__ == "__main__":
    main()
