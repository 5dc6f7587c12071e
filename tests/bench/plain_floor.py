"""No bot at all: answers 200 and one message, keeps nothing, uses no library. What the load itself can do at most.

Started by the benchmark with TOKEN, API_URL, URL and PORT in the environment.
"""

from __future__ import annotations

import asyncio
import json
import os
from urllib.parse import urlsplit

import uvloop

from tests.bench.wire import Listener, Posters, Reply


async def main() -> None:
    api = urlsplit(os.environ["API_URL"])
    path, head = f"/bot{os.environ['TOKEN']}", " HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
    calls = Posters(str(api.hostname), api.port or 0, f"POST {path}/sendMessage{head}".encode(), 64)
    tasks: set[asyncio.Task[int]] = set()

    def answer(_: bytes, body: bytes, reply: Reply) -> None:
        said = json.dumps({"chat_id": json.loads(body)["message"]["chat"]["id"], "text": "."}).encode()
        reply(b"")
        task = asyncio.get_running_loop().create_task(calls.post(said))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.get_running_loop().create_server(
        lambda: Listener(answer), "127.0.0.1", int(os.environ["PORT"])
    )
    hook = Posters(str(api.hostname), api.port or 0, f"POST {path}/setWebhook{head}".encode(), 1)
    await hook.post(json.dumps({"url": f"{os.environ['URL']}/telegram"}).encode())
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
