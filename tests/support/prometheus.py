"""A private Prometheus, which scrapes and judges several times a second."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from .processes import HOST, free_port
from .servers import Server, program

PATIENCE = 30.0


class Prometheus(Server):
    """Prometheus with some jobs and some rules.

    jobs: scrape configurations by the name of their job. rules: the text of a file of rules.
    """

    def __init__(self, jobs: Mapping[str, Mapping[str, Any]], rules: str) -> None:
        super().__init__()
        self.url = f"http://{HOST}:{free_port()}"
        (self.folder / "rules.yml").write_text(rules)
        config = {
            "global": {"scrape_interval": "200ms", "evaluation_interval": "200ms"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": name, **job} for name, job in jobs.items()],
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(config))  # which is YAML

    def start(self) -> None:
        """Scrape, and return when it answers."""
        options = {
            "config.file": self.folder / "prometheus.yml",
            "storage.tsdb.path": self.folder / "data",
            "web.listen-address": self.url.removeprefix("http://"),
            "log.level": "warn",
        }
        command = [program("prometheus", "prometheus")]
        self.run([*command, *(f"--{name}={value}" for name, value in options.items())], self._ready)

    def stop(self) -> None:
        """End it in good order."""
        self.end(15)

    def query(self, expression: str) -> dict[str, float]:
        """Return the values of an expression by the instance, or by the labels without one."""
        answer = self._ask("query", query=expression)
        return {
            sample["metric"].get("instance", json.dumps(sample["metric"])): float(
                sample["value"][1]
            )
            for sample in answer["data"]["result"]
        }

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        alerts = self._ask("alerts")["data"]["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds; its last result is in the error."""
        deadline = time.monotonic() + PATIENCE
        while not (found := holds()):
            assert time.monotonic() < deadline, (found, self.firing(), self._targets())
            time.sleep(0.05)

    def _targets(self) -> list[str]:
        targets = self._ask("targets")["data"]["activeTargets"]
        return [f"{one['scrapeUrl']} {one['health']} {one['lastError']}" for one in targets]

    def _ask(self, what: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{what}", params=parameters, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _ready(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/-/ready", trust_env=False).status_code == 200
        return False


def rules_in_seconds(file: Path) -> str:
    """Return rules that fire at once, with minutes and hours for seconds."""
    text = re.sub(r"for: \d+[mh]", "for: 0s", file.read_text())
    text = re.sub(r"\[\d+m\]", "[2s]", text).replace("[1h]", "[4s]")
    return text.replace("> 600", "> 3")
