"""What Prometheus reads is true, names nobody, and is for those who may."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_gluu_changes import BackendUnavailable, ConfigurationError, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.journal.tables import HELD, QUARANTINE
from flask_gluu_changes.journal.writer import WriteBatch
from tests.support.apps import OPERATION, PEOPLE, query_of
from tests.support.apps import shape as shape
from tests.support.failing import FailingBackend
from tests.support.journal_site import Site
from tests.support.journals import Journal
from tests.support.later import doing_once
from tests.support.paths import ROOT
from tests.support.protection import MakeSite
from tests.support.scraped import Samples, make_app, samples_of, scrape


def test_requests_are_counted_by_form_and_status(shape: str) -> None:
    """With the time that they took."""
    app = make_app(shape, MemoryBackend(PEOPLE))
    client = app.test_client()
    for query in (query_of(), query_of(), "", query_of(pagesize="x")):
        client.get(OPERATION, query_string=query)
    client.post(OPERATION)
    client.get("/identity/scim/resource_changes.yaml")
    found = scrape(app)
    assert found['requests_total{form="timeStamp",status="200"}'] == 2
    assert found['requests_total{form="timeStamp",status="400"}'] == 2
    assert found['requests_total{form="other",status="405"}'] == 1
    assert found['requests_total{form="document",status="200"}'] == 1
    assert found['request_seconds_count{form="timeStamp"}'] == 4
    assert 0 < found['request_seconds_sum{form="timeStamp"}'] < 60
    assert found['request_seconds_bucket{form="timeStamp",le="+Inf"}'] == 4
    assert found["backend_up"] == 1
    assert not any("created" in name for name in found)


def test_the_journal_is_read_when_it_is_asked_for(journal: Journal) -> None:
    """So that every worker and every node tells the same."""
    journal.put("a", "b", "c")
    journal.remove("b")
    journal.writer.commit(WriteBatch(confirmed_at=1_700_000_000_500_000))
    with journal.engine.begin() as connection:
        held = {"id": "x", "inum": "", "reason": "deleted", "at": 1, "confirmed": False}
        connection.execute(insert(HELD).values(held))
        aside = {"key": "k", "id": "y", "at": 1, "reason": "too long"}
        connection.execute(insert(QUARANTINE).values(aside))
    found = scrape(Site(journal, metrics=True).app)
    assert found["journal_head"] == 4
    assert found["journal_people"] == 2
    assert found["journal_built"] == 1
    assert found["journal_confirmed_timestamp_seconds"] == 1_700_000_000.5
    assert (found["journal_quarantined_entries"], found["journal_held_removals"]) == (1, 1)
    levels = {n: found[f'journal_level{{level="{n}"}}'] for n in ("exact", "lagging", "unknown")}
    assert levels == {"exact": 1, "lagging": 0, "unknown": 0}


def test_forms_of_the_journal(journal: Journal) -> None:
    """Streams and waits have their own, and each answer 410 is a token that has expired."""
    journal.put("a")
    site = Site(journal, metrics=True, max_wait_seconds=1)
    token = site.full()
    site.lines(cursor="")
    site.get({"Prefer": "wait=1"}, deltaToken=token)
    journal.writer.begin_epoch()
    journal.writer.commit(WriteBatch(built=True))
    assert site.get(deltaToken=token).status_code == 410
    found = scrape(site.app)
    for form, status in (("cursor", 200), ("stream", 200), ("wait", 200), ("deltaToken", 410)):
        assert found[f'requests_total{{form="{form}",status="{status}"}}'] == 1
    assert found["tokens_expired_total"] == 1
    assert found["waiters"] == 0


def test_those_who_wait_are_counted_while_they_do(journal: Journal) -> None:
    journal.put("a")
    site = Site(journal, metrics=True)
    token = site.full()
    with doing_once(lambda: scrape(site.app)["waiters"] == 1) as later:
        later(lambda: journal.put("b"))
        assert site.page({"Prefer": "wait=20"}, deltaToken=token)["total"] == 1
    assert scrape(site.app)["waiters"] == 0


def test_paging_sessions_are_counted(journal: Journal) -> None:
    """As long as their clients have not come to an end."""
    journal.put("a", "b", "c", updatedAt="20200101000000Z")
    site = Site(journal, metrics=True)
    query = {"timeStamp": "1970-01-01T00:00:00Z", "pagesize": 1}
    site.page(**query)
    assert scrape(site.app)["paging_sessions"] == 1
    for start in (1, 2, 3):
        site.page(**query, start=start)
    assert scrape(site.app)["paging_sessions"] == 0


def test_a_store_that_is_away(shape: str) -> None:
    """Is told, and nothing else is made up."""
    backend = FailingBackend(lambda: BackendUnavailable("away"), "at the call")
    found = scrape(make_app(shape, backend))
    assert found["backend_up"] == 0
    assert not any(name.startswith("journal") for name in found)


def test_connections_are_counted(journal: Journal, tmp_path: Path) -> None:
    """Of each pool, those in use and those that wait for work."""
    site = Site(journal, metrics=True)
    found = scrape(site.app)
    assert {'connections{pool="journal",state="idle"}'} <= found.keys()
    assert found['connections{pool="journal",state="used"}'] == 0


def test_what_the_protection_does(make_site: MakeSite, host: str) -> None:
    """Introspections by their result, tokens that were known, and whether the server answers."""
    site = make_site("oauth", host, metrics=True)
    token = site.server.issue()
    for sent in (token, token, "unknown", "unknown"):
        site.get(sent)
    found = read_protected(site, token)
    assert found['introspections_total{result="active"}'] == 1
    assert found['introspections_total{result="refused"}'] == 1
    assert found["token_cache_hits_total"] == 3
    assert found["authorization_server_up"] == 1
    assert found['connections{pool="authorization_server",state="used"}'] == 0
    site.server.stop()
    assert site.get("another").status_code == 503
    found = read_protected(site, token)
    assert found['introspections_total{result="failed"}'] == 1
    assert found["authorization_server_up"] == 0
    assert found['requests_total{form="timeStamp",status="503"}'] == 1


def test_jwts_that_were_known(make_site: MakeSite) -> None:
    """Nobody is asked about them."""
    site = make_site("oauth", metrics=True, token_validation="jwt", audience="our-api")
    token = site.server.sign()
    for _ in range(3):
        site.get(token)
    found = read_protected(site, token)
    assert found["token_cache_hits_total"] >= 2
    assert not any(name.startswith("introspections") for name in found)


def test_a_server_that_was_never_asked_is_not_down(make_site: MakeSite) -> None:
    """Else every restart would be an alert."""
    site = make_site("bypass", allow_bypass=True, metrics=True)
    assert "authorization_server_up" not in scrape(site.app)


def read_protected(site: Any, token: str) -> Samples:
    return scrape(site.app, Authorization=f"Bearer {token}")


def test_metrics_are_protected_as_the_operation_is(make_site: MakeSite, host: str) -> None:
    site = make_site("oauth", host, metrics=True)
    path = f"{OPERATION}/metrics"
    assert site.get(path=path).status_code == 401
    assert site.get(site.server.issue("other"), path=path).status_code == 403
    assert site.get(site.server.issue(), path=path).status_code == 200
    assert site.get(site.server.issue(), path=path, method="POST").status_code == 405


def test_metrics_may_have_a_scope_of_their_own(make_site: MakeSite, host: str) -> None:
    """A monitoring system needs no right to read people, and who has that one not this."""
    site = make_site("oauth", host, metrics=True, metrics_scope="metrics.read")
    path = f"{OPERATION}/metrics"
    monitor = site.server.issue("metrics.read")
    assert site.get(monitor, path=path).status_code == 200
    assert site.get(monitor).status_code == 403
    refused = site.get(site.server.issue(), path=path)
    assert refused.status_code == 403
    assert 'scope="metrics.read"' in refused.headers["WWW-Authenticate"]


def test_metrics_are_off_unless_they_are_switched_on() -> None:
    """And then their path is the host's."""
    app = Flask("off")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    GluuChanges(app, backend=MemoryBackend())
    assert app.test_client().get(f"{OPERATION}/metrics").status_code == 404


def test_under_a_prefix_and_behind_a_proxy(shape: str) -> None:
    app = make_app(shape, MemoryBackend(PEOPLE), GLUU_CHANGES_URL_PREFIX="/deep")
    app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    app.test_client().get("/deep/UpdatedUsers", query_string=query_of())
    found = scrape(app, "/deep/UpdatedUsers", **{"X-Forwarded-Prefix": "/outer"})
    assert found['requests_total{form="timeStamp",status="200"}'] == 1


def test_two_applications_count_for_themselves() -> None:
    """In one process."""
    one, other = (make_app("bare", MemoryBackend(PEOPLE)) for _ in range(2))
    one.test_client().get(OPERATION, query_string=query_of())
    scrape(one)
    assert 'requests_total{form="timeStamp",status="200"}' not in scrape(other)


def test_no_label_comes_from_a_client(journal: Journal) -> None:
    """Whatever it sends: the series are few, and nobody is named."""
    journal.put("a", mail="planted@example.org")
    site = Site(journal, metrics=True)
    client = site.app.test_client()
    for number in range(5):
        client.open(OPERATION, method=f"PLANTED{number}", headers={"User-Agent": "planted"})
        client.get(OPERATION, query_string=f"deltaToken=planted{number}&count={number + 1}")
        client.get(OPERATION, query_string=f"planted{number}=1")
    site.lines(cursor="")
    text = client.get(f"{OPERATION}/metrics").text
    assert "planted" not in text.lower()
    names = set(re.findall(r"(\w+)=", text))
    assert names == {"form", "status", "le", "level", "pool", "state"}
    assert len(re.findall(r"^gluu_changes_requests_total\{", text, re.M)) <= 5


def test_each_name_has_the_prefix_and_a_base_unit() -> None:
    """As promtool checks them, too."""
    text = make_app("bare", MemoryBackend()).test_client().get(f"{OPERATION}/metrics").text
    names = re.findall(r"^# TYPE (\S+) (\S+)", text, re.M)
    assert names
    for name, kind in names:
        assert name.startswith("gluu_changes_")
        assert kind != "counter" or name.endswith("_total")
        assert not re.search(r"_(ms|millis|minutes|hours)", name)
    assert all(re.search(rf"^# HELP {name} \S", text, re.M) for name, _ in names)


def test_without_the_extra_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """At start, and it says what to do."""
    for name in [n for n in sys.modules if ".observe.prometheus" in n]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'flask-gluu-changes\[metrics\]'"):
        make_app("bare", MemoryBackend())


def test_it_is_imported_only_when_it_is_switched_on() -> None:
    """Else nobody pays for it."""
    program = (
        "import sys; from flask import Flask; from flask_gluu_changes import GluuChanges\n"
        "from flask_gluu_changes.backends.memory import MemoryBackend\n"
        "app = Flask('x'); app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION='bypass')\n"
        "GluuChanges(app, backend=MemoryBackend())\n"
        "print('prometheus_client' in sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert run.stdout == "False\n"


SEVERAL = """
import atexit, os, sys
from tests.unit.observe.test_metrics import *
app = make_app("bare", MemoryBackend(PEOPLE))
from prometheus_client import Counter
Counter("hosts_own", "Is not ours.").inc()
for number in range(3):
    if os.fork() == 0:
        for _ in range(number + 1):
            app.test_client().get(OPERATION, query_string=query_of())
        atexit._run_exitfuncs()
        os._exit(0)
for _ in range(3):
    os.wait()
print(app.test_client().get(OPERATION + "/metrics").text)
"""


def test_workers_count_together(tmp_path: Path) -> None:
    """In prometheus-client's multiprocess mode, from whichever worker is asked; ours alone."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SEVERAL],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    found = samples_of(run.stdout)
    assert found['requests_total{form="timeStamp",status="200"}'] == 6
    assert found['request_seconds_count{form="timeStamp"}'] == 6
    assert found["backend_up"] == 1
