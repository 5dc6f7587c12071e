"""Lets clients of Viber's that are not ours talk with the fake, and writes down what they send. Run by hand.

    npm install --ignore-scripts --prefix /tmp/viber viber-bot@1.0.18 messaging-api-viber@1.1.0
    python -m tests.fakes.viber_clients.record /tmp/viber

The packages bring more than a hundred others, so none of them is kept here: only requests.json is, against which
test_viber_clients.py holds the fake. What the clients understood of the fake's answers and events is printed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.fakes.viber import FakeViber
from tests.faults.service import free_port

HERE = Path(__file__).parent
REQUESTS = HERE / "requests.json"
STRANGER = "AAAAAAAAAAAAAAAAAAAAAA=="


class Recorder(FakeViber):
    """Keeps the bytes of every request, and Viber's number in the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[dict[str, Any]] = []

    async def _call(self, request: web.BaseRequest, method: str) -> web.StreamResponse:
        body = (await request.read()).decode()
        response = await super()._call(request, method)
        header = request.headers.get("X-Viber-Auth-Token", "")
        self.requests.append(
            {"client": request.headers["User-Agent"], "method": method, "token": header, "body": body}
            | {"status": self.calls[-1].status}
        )
        return response


async def main(folder: str) -> None:
    """One talk. `folder`: where the packages were installed."""
    port = free_port()
    async with Recorder() as fake:
        fake.leads_to(f"http://127.0.0.1:{port}")
        here, left = fake.user(1, "Ана", devices=2), fake.user(2)
        await here.say("Здравейте")  # nobody listens yet
        process = await asyncio.create_subprocess_exec(
            "node", str(HERE / "talk.js"), fake.origin, fake.token, str(port), here.id, left.id, STRANGER,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(Path(folder) / "node_modules")},
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        while (line := (await process.stdout.readline()).decode()) and "ready" not in line:
            print(line, end="")
        new = fake.user(3, "Борис", phone="359888222333")
        await new.open("село")
        print("the phone shows", new.last.text, new.keyboard, fake.bad_welcomes)
        await new.press("Започни")
        await new.wait_text("Споделете")
        await new.press("Сподели")
        await new.read()
        await new.unsubscribe()
        await new.subscribe()
        process.stdin.close()
        print((await process.stdout.read()).decode())
        print(f"{len(fake.callbacks.lost)} events lost, {fake.callbacks.repeated} repeated")
        lines = ",\n".join(json.dumps(request, ensure_ascii=False) for request in fake.requests)
        REQUESTS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
