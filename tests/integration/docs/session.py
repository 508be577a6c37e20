"""Follows a page as its reader does: writes files, runs programs, compares what they print."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from flask_gluu_changes.extension import SETTINGS
from flask_gluu_changes.protection import ProtectionSettings
from tests.support.nginx import Nginx
from tests.support.processes import free_port

from .blocks import ROOT, Block, commands

PATIENCE = 60.0  # seconds for a command, and for a server to answer
ANYTHING = "…"
PORTS = ("5000", "8000")


@dataclass
class Session:
    """One reader's terminal, in a folder of its own.

    Attributes:
        folder: Where files are written and commands run.
        replaced: Texts of the page to what stands for them here, such as an issuer's URL.
    """

    folder: Path
    replaced: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose ports, so that pages can be followed on a busy machine."""
        self._ports = {port: str(free_port()) for port in PORTS}
        self._names: dict[str, Any] = {"__name__": "page"}
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._exported: dict[str, str] = {}
        self._proxies = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what was started."""
        self._proxies.close()
        for text in list(self._started):
            self._stop(text)

    def follow(self, block: Block) -> None:
        """Do what a block says; one that no rule knows is an error.

        Raises:
            AssertionError: It does not do what the page says.
        """
        rules: dict[str, Callable[[Block], None]] = {
            "python": self._run,
            "file": self._write,
            "console": self._type,
            "console background": self._start,
            "ini": self._load,
            "nginx": self._proxy,
            "setup": check_setup,
            "output": pass_over,
            "directive": pass_over,
        }
        assert block.kind in rules, f"{block.place} is neither run nor marked: {block.kind!r}"
        rules[block.kind](block)

    def _here(self, text: str) -> str:
        for written, real in self.replaced.items():
            text = text.replace(written, real)
        for port, free in self._ports.items():
            text = re.sub(rf"(?<=127\.0\.0\.1:){port}|(?<=--port ){port}", free, text)
        return text

    def _run(self, block: Block) -> None:
        here = Path.cwd()
        os.chdir(self.folder)
        try:
            exec(compile(self._here(block.text), block.place, "exec"), self._names)
        finally:
            os.chdir(here)

    def _write(self, block: Block) -> None:
        (self.folder / block.role.removeprefix("file=")).write_text(self._here(block.text))

    def _type(self, block: Block) -> None:
        for command, expected in commands(block.text):
            printed = self._command(self._here(command))
            if expected:
                assert_printed(printed, self._here(expected), f"{block.place}: {command}")

    def _command(self, command: str) -> str:
        """Run a command; the variables that it sets are there for the next ones."""
        script = f"set -a\n{command}\nstatus=$?; env -0 > .environment; exit $status"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        pairs = (self.folder / ".environment").read_text().split("\0")
        variables = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        self._exported = {n: v for n, v in variables.items() if n not in ("_", "SHLVL", "PWD")}
        return re.sub(r"^GLUU_CHANGES_PROTECTION is bypass.*\n", "", done.stdout, flags=re.M)

    @property
    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        people = {"FLASK_EXAMPLE_PEOPLE_FILE": str(self.folder / "example-people.sqlite")}
        python = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        return {**os.environ, **people, **self._exported, **python, "PATH": path}

    def _start(self, block: Block) -> None:
        self._stop(block.text)
        script = "\n".join(self._here(command) for command, _ in commands(block.text))
        script = re.sub(r"^make (.*)$", lambda match: made_by(match[1]), script, flags=re.M)
        with (self.folder / "background.txt").open("ab") as log:
            self._started[block.text] = subprocess.Popen(
                ["bash", "-c", self._here(script)],
                cwd=self.folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        port = re.search(r"--port (\d+)", self._here(script))
        if port:
            self._await(self._started[block.text], f"http://127.0.0.1:{port[1]}/")

    def _await(self, process: subprocess.Popen[bytes], url: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and process.poll() is None:
            try:
                httpx.get(url, trust_env=False)
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError((self.folder / "background.txt").read_text())

    def _stop(self, text: str) -> None:
        process = self._started.pop(text, None)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(PATIENCE)

    def _proxy(self, block: Block) -> None:
        self._proxies.enter_context(Nginx(self._here(block.text)))

    def _load(self, block: Block) -> None:
        if block.text.startswith("["):
            ConfigParser(interpolation=None, strict=False).read_string(block.text)
            return
        lines = dict(re.findall(r"^(?:FLASK_)?(GLUU_CHANGES_\w+)=(.*)$", block.text, re.M))
        assert lines, f"{block.place} sets nothing"
        load_settings(lines)


def load_settings(config: Mapping[str, str]) -> None:
    """Load settings as an application does, and make a protector of those that choose a mode."""
    known = {f"GLUU_CHANGES_{name.upper()}" for cls in SETTINGS for name in cls.__annotations__}
    assert set(config) <= known
    if "GLUU_CHANGES_PROTECTION" in config:
        assert ProtectionSettings.load(config).protection == config["GLUU_CHANGES_PROTECTION"]


def made_by(target: str) -> str:
    """Return the commands that `make` runs in the end for a target, by the Python of the tests."""
    plan = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *target.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    ours = [line for line in plan.stdout.splitlines() if line.startswith(".venv/bin/python -m ex")]
    assert ours, f"make {target} runs no example"
    return "\n".join(line.replace(".venv/bin/python", sys.executable) for line in ours)


def pass_over(_: Block) -> None:
    """Do nothing: an output is compared where it is printed, and Sphinx runs directives."""


def check_setup(block: Block) -> None:
    """Check what a block names that cannot be run here: extras, targets of make, commands."""
    makefile = (ROOT / "Makefile").read_text()
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = set(setup["options.extras_require"])
    for target in re.findall(r"\bmake ([a-z-]+)", block.text):
        assert re.search(rf"^{target}:", makefile, re.M), f"{block.place}: no target {target}"
    for names in re.findall(r"pip install .*?\.\[([\w,-]+)\]", block.text):
        assert set(names.split(",")) <= extras, f"{block.place}: no such extra"


def assert_printed(printed: str, expected: str, place: str) -> None:
    """Compare what was printed with what a page says; `…` stands for anything, also for lines."""
    pattern = re.escape(expected.strip()).replace(re.escape(ANYTHING), ".*")
    found = re.fullmatch(pattern, printed.strip(), re.DOTALL)
    assert found, f"{place}\nprinted:\n{printed}\nthe page says:\n{expected}"
