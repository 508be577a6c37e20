"""The servers of others, from Maven Central by Maven's own client, kept in a per-user cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
PATIENCE = 1800.0  # seconds that a download may take


class DownloadError(RuntimeError):
    """A server cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Artifact:
    """A file of Maven Central, of one version for good."""

    group: str
    name: str
    version: str
    packaging: str
    megabytes: int
    sha256: str

    @property
    def coordinates(self) -> str:
        return f"{self.group}:{self.name}:{self.version}:{self.packaging}"

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}.{self.packaging}"


KEYCLOAK = Artifact(
    "org.keycloak",
    "keycloak-quarkus-dist",
    "26.7.3",
    "tar.gz",
    176,
    "77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47",
)
OPENDJ = Artifact(
    "org.openidentityplatform.opendj",
    "opendj-server-legacy",
    "5.0.3",
    "zip",
    84,
    "efcaaa6ff9e1d57e5d14f670de2a5832ef5338f74964608327a8f73caeb7d07c",
)


def cache_folder() -> Path:
    """Where downloads are kept, as the XDG base directory specification has it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "flask-gluu-changes"


def fetch(artifact: Artifact) -> Path:
    """Give the file of an artifact, from the cache or else from Maven Central."""
    file = cache_folder() / artifact.file_name
    if _digest(file) == artifact.sha256:
        print(f"{artifact.coordinates} is in the cache.", flush=True)
        return file
    print(f"Downloading {artifact.coordinates}, {artifact.megabytes} MB …", flush=True)
    _download(artifact, file.parent)
    if _digest(file) != artifact.sha256:
        raise DownloadError(f"{file} is not the file that was expected: its SHA-256 differs.")
    return file


def _download(artifact: Artifact, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise DownloadError("There is no Maven. On Debian: apt-get install maven.")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [f"-Dartifact={artifact.coordinates}", f"-DoutputDirectory={folder}"]
    command = [maven, "--batch-mode", "--quiet", COPY, *wanted]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise DownloadError(f"Maven Central did not answer in {PATIENCE:g} s.") from error
    if done.returncode:
        raise DownloadError(f"Maven could not download it:\n{done.stdout}{done.stderr}")


def _digest(file: Path) -> str:
    if not file.is_file():
        return ""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
