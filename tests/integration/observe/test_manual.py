"""What the manual says of systemd and of Prometheus is what these take."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.processes import free_port, guard
from tests.support.servers import program

PAGE = (ROOT / "docs" / "how-to" / "observe.md").read_text()


def block(info: str) -> str:
    """Return what a fenced block of the page holds."""
    (found,) = re.findall(rf"^```{re.escape(info)}\n(.*?)^```", PAGE, re.M | re.S)
    return str(found)


@contextmanager
def gunicorn(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Serve the application of the page by the file of the page, as systemd starts it."""
    port = free_port()
    (folder / "app.py").write_text(block("python file=app.py"))
    config = block("python file=gunicorn.conf.py").replace(":8000", f":{port}")
    (folder / "gunicorn.conf.py").write_text(config.replace("workers = 4", "workers = 1"))
    environment = {
        "NOTIFY_SOCKET": str(folder / "notify"),
        "WATCHDOG_USEC": "300000",
        "PYTHONPATH": str(ROOT),
        "FLASK_SECRET_KEY": "signs-tokens-of-this-trial",
        "FLASK_GLUU_CHANGES_PROTECTION": "bypass",
        "FLASK_GLUU_CHANGES_ALLOW_BYPASS": "true",
        "FLASK_GLUU_CHANGES_JOURNAL_URL": "sqlite://",
    }
    command = [sys.executable, "-m", "gunicorn", "app:create_app()", "--log-level", "critical"]
    process = subprocess.Popen(
        command, cwd=folder, env=os.environ | environment, stderr=subprocess.DEVNULL
    )
    watch = guard(process.pid)
    yield process
    process.terminate()
    process.wait(20)
    watch.kill()
    watch.communicate()


def is_told(systemd: socket.socket) -> bool:
    """Return whether something comes in time."""
    try:
        return bool(systemd.recv(1000))
    except TimeoutError:
        return False


def test_the_watchdog_is_told_while_a_worker_answers(tmp_path: Path) -> None:
    """A worker that hangs is one that does not."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        with gunicorn(tmp_path) as process:
            while systemd.recv(1000) != b"WATCHDOG=1":
                pass
            assert systemd.recv(1000) == b"WATCHDOG=1"
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            for worker in map(int, children.split()):
                os.kill(worker, signal.SIGSTOP)
            systemd.settimeout(1)
            # what was asked before may still be answered
            assert not all(is_told(systemd) for _ in range(3))
            for worker in map(int, children.split()):
                os.kill(worker, signal.SIGCONT)


def test_the_scrape_configuration_is_one(tmp_path: Path) -> None:
    """Prometheus takes what the page says."""
    configs = re.findall(r"^```yaml setup\n(.*?)^```", PAGE, re.M | re.S)
    (config,) = (text for text in configs if "scrape_configs" in text)
    file = tmp_path / "prometheus.yml"
    file.write_text(config)
    command = [program("promtool", "prometheus"), "check", "config", "--syntax-only", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
