"""Rude clients and their stalled authorization server, in a process of their own.

It writes a line of JSON with the issuer and the tokens, and goes on when it reads a line: first
the authorization server stalls and the attack begins; at the end it writes a line with what was
answered.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from tests.support.apps import OPERATION
from tests.support.authorization_server import AuthorizationServer
from tests.support.journal_site import NDJSON
from tests.support.processes import HOST

STREAMS, WAITS, FLOODS = 50, 200, 10
CLIENTS = 10
SLOW_OCTETS, SLOW_SECONDS = 1000, 0.1
FLOOD_PAUSE = 0.05
SMALL_BUFFER = 4096
PATIENCE = 60.0

Answers = Counter[str]


class Attack:
    """Everything that goes on at the same time; `answers` counts what each kind got."""

    def __init__(self, port: int, tokens: list[str], delta_token: str) -> None:
        self._port = port
        self._tokens = tokens
        self._delta_token = delta_token
        self.answers: Answers = Counter()

    async def run(self, until: asyncio.Event) -> None:
        """Attack until the event comes."""
        attackers = [
            *(self._again(self._stream, number) for number in range(STREAMS)),
            *(self._again(self._wait, number) for number in range(WAITS)),
            *(self._again(self._flood, number) for number in range(FLOODS)),
        ]
        tasks = [asyncio.create_task(attacker) for attacker in attackers]
        await until.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _again(self, attack: Callable[[int], Awaitable[float]], number: int) -> None:
        while True:
            pause = 1.0
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    pause = await attack(number)
            await asyncio.sleep(pause)

    async def _stream(self, number: int) -> float:
        """Read everybody at 10 kB/s; return when to come back."""
        headers = {"Accept": NDJSON, **self._authorized(number)}
        reader, writer = await self._ask({"cursor": ""}, headers)
        try:
            pause = await self._head(reader, "stream")
            while not pause and await reader.read(SLOW_OCTETS):
                await asyncio.sleep(SLOW_SECONDS)
        finally:
            writer.close()
        return pause or 1.0

    async def _wait(self, number: int) -> float:
        """Wait for a change that does not come."""
        headers = {"Prefer": "wait=30", **self._authorized(number)}
        reader, writer = await self._ask({"deltaToken": self._delta_token}, headers)
        try:
            return await self._head(reader, "wait")
        finally:
            writer.close()

    async def _flood(self, number: int) -> float:
        """Send a token that nobody has issued."""
        headers = {"Authorization": f"Bearer {secrets.token_urlsafe(24)}"}
        reader, writer = await self._ask({"deltaToken": self._delta_token}, headers)
        try:
            await self._head(reader, "bad token")
        finally:
            writer.close()
        return FLOOD_PAUSE

    def _authorized(self, number: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[number % len(self._tokens)]}"}

    async def _ask(
        self, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, (HOST, self._port))
        reader, writer = await asyncio.open_connection(sock=plain, limit=SMALL_BUFFER)
        lines = [f"GET {OPERATION}?{urlencode(query)} HTTP/1.1", f"Host: {HOST}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        return reader, writer

    async def _head(self, reader: asyncio.StreamReader, kind: str) -> float:
        """Read the head of an answer; return what Retry-After says, or 0."""
        status = (await reader.readline())[9:12].decode()
        self.answers[f"{kind}: {status or 'none'}"] += 1
        pause = 0.0
        while (line := await reader.readline()).strip():
            if line.lower().startswith(b"retry-after:"):
                pause = float(line.partition(b":")[2])
        return pause


def main() -> None:
    server = AuthorizationServer()
    with server:
        tokens = [server.issue(client_id=f"rude {number}") for number in range(CLIENTS)]
        _tell(issuer=server.issuer, rude=tokens, polite=server.issue(client_id="polite"))
        orders = json.loads(sys.stdin.readline())
        server.faults["*"] = "slow"
        attack = Attack(orders["port"], tokens, orders["delta_token"])
        asyncio.run(_attack(attack))
        server.release.set()
    _tell(**attack.answers)


async def _attack(attack: Attack) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, over.set)
    await attack.run(over)


def _tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
