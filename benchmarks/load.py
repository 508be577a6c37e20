"""python -m benchmarks.load: ordinary requests while rude clients do what they can.

Four workers with eight threads answer polls at half of what they can. Then the same goes on while
50 clients read streams at 10 kB/s, 200 wait for a change, others send tokens that nobody has
issued, and the authorization server accepts connections and answers nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlencode

from tests.support.apps import OPERATION
from tests.support.crowded import CrowdedServer, environment, fill, gunicorn
from tests.support.processes import HOST

from .serving import peak, workers

WORKERS, THREADS = 4, 8
CLIENTS_OF_EACH = 2
PEOPLE, OCTETS = 20_000, 1000
SECONDS = 12.0
CAPACITY_SECONDS = 1.5
SLOWER_AT_MOST = 5.0
MOST_MIB = 150.0
PATIENCE = 30.0


@dataclass(frozen=True)
class Phase:
    """What ordinary requests met: statuses, and the seconds from when each was due."""

    name: str
    statuses: Counter[int]
    seconds: list[float]

    def quantile(self, percent: int) -> float:
        """Return a percentile, in milliseconds."""
        return quantiles(self.seconds, n=100)[percent - 1] * 1e3

    def line(self) -> str:
        """Return the phase as a line of the table."""
        rate = len(self.seconds) / SECONDS
        statuses = ", ".join(f"{status}: {n}" for status, n in sorted(self.statuses.items()))
        times = f"{self.quantile(50):>7.1f} {self.quantile(99):>7.1f}"
        return f"{self.name:<12} {rate:>9.0f} {times}   {statuses}"


class Client:
    """An ordinary client, with a connection that it keeps."""

    def __init__(self, port: int, token: str, path: str) -> None:
        self._http = HTTPConnection(HOST, port, timeout=PATIENCE)
        self._token = token
        self.path = path

    def ask(self, path: str | None = None, token: str = "") -> tuple[int, bytes]:
        """Ask for its path, or another one."""
        headers = {"Authorization": f"Bearer {token or self._token}"}
        self._http.request("GET", path or self.path, headers=headers)
        answer = self._http.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def main() -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fill(f"sqlite:///{folder}/journal.db", PEOPLE, OCTETS)
        attack = stack.enter_context(_attackers())
        known = json.loads(_line(attack))
        server = stack.enter_context(CrowdedServer(_settings(folder, known["issuer"]), *_command()))
        clients = _connected(stack, server.port, known)
        capacity = _capacity(clients)
        quiet = _poll("quiet", clients, capacity / 2)
        _order(attack, port=server.port, delta_token=clients[0].path.partition("=")[2])
        time.sleep(2)  # until all of them hold what they can get
        attacked = _poll("attacked", clients, capacity / 2)
        _order(attack)
        return _report(capacity, quiet, attacked, json.loads(_line(attack)))


def _settings(folder: Path, issuer: str) -> dict[str, str]:
    return environment(
        folder,
        protection="oauth",
        issuer=issuer,
        client_id="rs",
        client_secret="rs-secret",
        token_cache_seconds=60,
    )


def _command() -> list[str]:
    return gunicorn("--workers", str(WORKERS), "--threads", str(THREADS), "--log-level", "error")


@contextmanager
def _attackers() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.attack"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _order(process: subprocess.Popen[str], **what: object) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()


def _connected(stack: ExitStack, port: int, known: dict[str, Any]) -> list[Client]:
    """Connect as many clients to each worker, and have each worker know all good tokens."""
    first = Client(port, known["polite"], f"{OPERATION}?deltaToken=latest")
    token = json.loads(first.ask()[1])["nextDeltaToken"]["value"]
    first.close()
    path = f"{OPERATION}?{urlencode({'deltaToken': token})}"
    of_worker: Counter[bytes] = Counter()
    clients: list[Client] = []
    while len(clients) < WORKERS * CLIENTS_OF_EACH:
        client = Client(port, known["polite"], path)
        worker = client.ask("/worker")[1]
        if of_worker[worker] == CLIENTS_OF_EACH:
            client.close()
            continue
        of_worker[worker] += 1
        clients.append(client)
        stack.callback(client.close)
        for good in (*known["rude"], known["polite"]):
            assert client.ask(token=good)[0] == 200
    return clients


def _capacity(clients: Sequence[Client]) -> float:
    """Return the polls in a second that are answered, at least, when each client asks all the time.

    At least: what else the machine does differs from second to second.
    """
    return min(_rate(clients) for _ in range(3))


def _rate(clients: Sequence[Client]) -> float:
    until = time.perf_counter() + CAPACITY_SECONDS

    def ask(client: Client) -> int:
        count = 0
        while time.perf_counter() < until:
            client.ask()
            count += 1
        return count

    with ThreadPoolExecutor(len(clients)) as pool:
        return sum(pool.map(ask, clients)) / CAPACITY_SECONDS


def _poll(name: str, clients: Sequence[Client], rate: float) -> Phase:
    """Poll at a rate, whatever becomes of the polls before."""
    pause = len(clients) / rate
    begin = time.perf_counter() + 0.1
    with ThreadPoolExecutor(len(clients)) as pool:
        starts = [begin + pause * number / len(clients) for number in range(len(clients))]
        answers = list(pool.map(partial(_poll_by, pause), clients, starts))
    polls = [poll for answer in answers for poll in answer]
    return Phase(name, Counter(status for status, _ in polls), [took for _, took in polls])


def _poll_by(pause: float, client: Client, start: float) -> list[tuple[int, float]]:
    polls = []
    for number in range(int(SECONDS / pause)):
        due = start + number * pause
        time.sleep(max(0.0, due - time.perf_counter()))
        status, _ = client.ask()
        polls.append((status, time.perf_counter() - due))
    return polls


def _report(capacity: float, quiet: Phase, attacked: Phase, rude: dict[str, int]) -> int:
    """Print the table; return 1 unless everything is as it should be."""
    print(f"{WORKERS} workers x {THREADS} threads, {capacity:.0f} polls/s at most")
    print(f"{'':<12} {'polls/s':>9} {'p50 ms':>7} {'p99 ms':>7}   statuses")
    print(quiet.line())
    print(attacked.line())
    print("rude clients  ", ", ".join(f"{kind} x {n}" for kind, n in sorted(rude.items())))
    memory = [peak(worker) for worker in workers() if _is_python(worker)]
    print("memory        ", ", ".join(f"{mib:.0f} MiB" for mib in memory), f"(≤ {MOST_MIB:.0f})")
    slower = attacked.quantile(99) / quiet.quantile(99)
    print(f"p99           {slower:.1f} times the quiet one (≤ {SLOWER_AT_MOST:.0f})")
    is_good = attacked.statuses.keys() == {200} and slower <= SLOWER_AT_MOST
    is_good = is_good and len(memory) >= WORKERS and max(memory) <= MOST_MIB
    print("Everybody is answered." if is_good else "That is NOT good enough.")
    return 0 if is_good else 1


def _is_python(process: int) -> bool:
    return b"gunicorn" in Path(f"/proc/{process}/cmdline").read_bytes()


if __name__ == "__main__":
    sys.exit(main())
