"""What holds for all tests: nothing that they write shows what it must not."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from tests.support.leaks import LeakDetector

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")

detector = LeakDetector()


@pytest.fixture(scope="session", autouse=True)
def _watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Watch what all tests of this process write; their files are searched at the end."""
    with detector.installed():
        yield
    detector.search_files(tmp_path_factory.getbasetemp())
    _fail_on_leaks()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Fail the test that showed what nobody may see."""
    yield
    _fail_on_leaks()


def _fail_on_leaks() -> None:
    if found := detector.take():
        pytest.fail("\n".join(dict.fromkeys(found)), pytrace=False)
