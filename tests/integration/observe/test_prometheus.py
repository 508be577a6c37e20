"""A real Prometheus scrapes gunicorn with four workers and `follow`; each alert fires if broken."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.authorization_server import AuthorizationServer
from tests.support.observed import AWAY, GUNICORN, SLOW, settings, write_people
from tests.support.paths import ROOT
from tests.support.processes import HOST, free_port, guard
from tests.support.prometheus import Prometheus, rules_in_seconds

OPERATION = "/identity/restv1/scim/UpdatedUsers"
RULES = ROOT / "monitoring" / "alerts.yml"
DASHBOARD = ROOT / "monitoring" / "dashboard.json"
WORKERS = 4
APPLICATION = "tests.support.observed:create_app()"


class Site:
    """gunicorn, `follow`, an authorization server and Prometheus, over a file of people."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self.folder = folder
        self._opened = opened
        self.server = opened.enter_context(AuthorizationServer())
        self.url = f"http://{HOST}:{free_port()}"
        self.follow_port = free_port()
        self._environment = settings(
            folder,
            PROTECTION="oauth",
            ISSUER=self.server.issuer,
            CLIENT_ID="rs",
            CLIENT_SECRET="rs-secret",
            TOKEN_CACHE_SECONDS=60,
        )
        (folder / "multi").mkdir()
        (folder / "gunicorn.py").write_text(GUNICORN)
        self.token = self.server.issue(exp=4_000_000_000)
        self.client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=20,
            trust_env=False,
        )
        self.prometheus = Prometheus(self._jobs(), rules_in_seconds(RULES))
        opened.callback(self.client.close)

    def serve(self) -> None:
        """Start gunicorn."""
        options = ["--workers", str(WORKERS), "--bind", self.url.removeprefix("http://")]
        config = ["--config", str(self.folder / "gunicorn.py"), "--log-level", "error", "--preload"]
        multi = {"PROMETHEUS_MULTIPROC_DIR": str(self.folder / "multi")}
        self.gunicorn = self._start(["gunicorn", *options, *config, APPLICATION], multi)

    def follow(self) -> None:
        """Start `follow`."""
        command = ["flask", "--app", APPLICATION, "gluu-changes", "follow"]
        self.following = self._start([*command, "--metrics-port", str(self.follow_port)], {})

    def begin_epoch(self) -> None:
        """Void every token."""
        command = [sys.executable, "-m", "flask", "--app", APPLICATION]
        environment = os.environ | self._environment
        subprocess.run(
            [*command, "gluu-changes", "new-epoch"], env=environment, cwd=ROOT, check=True
        )

    def page(self, **query: str) -> httpx.Response:
        """Ask for a page."""
        return self.client.get(OPERATION, params=query)

    def ask_with(self, authorization: str) -> httpx.Response:
        """Ask with other credentials."""
        return self.client.get(OPERATION, headers={"Authorization": authorization})

    def failed_check(self) -> str:
        """Ask readyz."""
        return str(self.client.get(f"{OPERATION}/readyz").json().get("failed"))

    def change(self, *statements: str) -> None:
        """Change the journal by hand."""
        with closing(sqlite3.connect(self.folder / "journal.db", timeout=10)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def fires(self, alert: str, ask: Callable[[], object] = lambda: None) -> None:
        """Go on asking for something until an alert fires."""

        def is_firing() -> bool:
            ask()
            return f"GluuChanges{alert}" in self.prometheus.firing()

        self.prometheus.until(is_firing)

    def is_silent(self, *alerts: str) -> None:
        """Wait until alerts do not fire any more; all, if none is named."""
        names = {f"GluuChanges{alert}" for alert in alerts}
        self.prometheus.until(
            lambda: not (self.prometheus.firing() & names if names else self.prometheus.firing())
        )

    def _start(self, arguments: Sequence[str], more: dict[str, str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=os.environ | self._environment | more,
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        watch = guard(process.pid)
        self._opened.callback(watch.communicate)
        self._opened.callback(watch.kill)
        self._opened.callback(_end, process)
        return process

    def _jobs(self) -> dict[str, dict[str, object]]:
        return {
            "gluu-changes": {
                "metrics_path": f"{OPERATION}/metrics",
                "authorization": {"credentials": self.token},
                "static_configs": [{"targets": [self.url.removeprefix("http://")]}],
            },
            "gluu-changes-follow": {
                "static_configs": [{"targets": [f"{HOST}:{self.follow_port}"]}]
            },
        }


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(20)


@contextmanager
def broken(file: Path) -> Iterator[None]:
    """Have a file be there for a while."""
    file.touch()
    yield
    file.unlink()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """All of it, in good health."""
    with ExitStack() as opened:
        site = Site(tmp_path, opened)
        write_people(tmp_path, *(f"p{number}" for number in range(50)))
        site.serve()
        site.follow()
        opened.enter_context(site.prometheus)
        built = "sum(gluu_changes_journal_built) == 1"
        site.prometheus.until(lambda: site.prometheus.query(built))
        site.is_silent()
        yield site


def test_each_alert_fires_when_it_should(site: Site) -> None:
    """One after the other is broken, and mended again; in between nothing fires."""
    prometheus, folder = site.prometheus, site.folder
    page = site.page(cursor="", count="1000").json()
    token = page["nextDeltaToken"]["value"]

    # four workers count together: whichever is scraped says the same
    for _ in range(40):
        assert site.page(deltaToken=token).status_code == 200
    counted = 'sum(gluu_changes_requests_total{form="deltaToken",status="200"}) == 40'
    prometheus.until(lambda: prometheus.query(counted))
    assert prometheus.query("sum(up)") == {"{}": 2}
    assert not prometheus.firing()
    assert_dashboard_has_data(prometheus)

    site.fires("ClientsRefused", lambda: site.ask_with("Basic eA=="))
    with broken(folder / SLOW):
        site.fires("Slow", lambda: site.page(deltaToken=token))

    with broken(folder / AWAY):
        site.fires("FollowDisconnected")
        site.fires("SweepsFail")
        site.fires("JournalStale")
        prometheus.until(lambda: site.failed_check() == "confirmed")

    write_people(folder, "p0")
    site.fires("RemovalsHeldBack")
    write_people(folder, *(f"p{number}" for number in range(50)), "x" * 1100)
    site.fires("EntriesSetAside")
    write_people(folder, *(f"p{number}" for number in range(50)))
    site.is_silent()

    site.server.stop()
    site.fires("AuthorizationServerDown", lambda: site.ask_with("Bearer unknown"))
    site.fires("Errors", lambda: site.ask_with("Bearer unknown"))
    site.server.start()
    site.fires("ClientsRefused", lambda: site.ask_with("Bearer unknown"))

    site.change("UPDATE gluu_changes_state SET level = 'exact'")
    prometheus.until(lambda: prometheus.query('gluu_changes_journal_level{level="exact"} == 1'))
    site.change("UPDATE gluu_changes_state SET level = 'lagging'")
    site.fires("LevelLost")

    _end(site.following)
    site.fires("FollowDisconnected")
    site.begin_epoch()
    site.fires("JournalNotBuilt")
    site.follow()
    site.is_silent("JournalNotBuilt", "JournalStale", "FollowDisconnected")
    site.fires("ClientsBeginAnew", lambda: site.page(deltaToken=token))

    site.change("ALTER TABLE gluu_changes_state RENAME TO away")
    site.fires("BackendDown")
    site.change("ALTER TABLE away RENAME TO gluu_changes_state")
    site.is_silent("BackendDown")
    _end(site.gunicorn)
    site.fires("Down")


def assert_dashboard_has_data(prometheus: Prometheus) -> None:
    """Each panel shows something; what only an authorization server does is shown, too."""
    dashboard = json.loads(DASHBOARD.read_text())
    expressions = [t["expr"] for panel in dashboard["panels"] for t in panel.get("targets", ())]
    assert len(expressions) > 10
    for expression in expressions:
        asked = expression.replace("$__rate_interval", "5s").replace("$job", "gluu-changes")
        prometheus.until(lambda asked=asked: prometheus.query(asked))  # type: ignore[misc]
