"""`python -m example_app --oauth`: the demo behind an authorization server of its own."""

from __future__ import annotations

import re
import subprocess
import sys

import requests

from tests.support.paths import ROOT
from tests.support.programs import printed_until, running, token_as_printed
from tests.support.slapd import free_port


def test_it_shows_401_without_a_token_and_200_with_one() -> None:
    """And what it prints about getting a token is true as long as it runs."""
    with running("--oauth", "--port", str(free_port())) as process:
        printed = printed_until(process, "Ctrl-C")
        assert 'Without a token: 401 UNAUTHORIZED\nWWW-Authenticate: Bearer realm="SCIM"' in printed
        assert 'With a token: 200 OK\n{\n  "total": ' in printed
        (url,) = re.findall(r"curl -i '(.*)'   # 401", printed)
        assert requests.get(url, timeout=30).status_code == 401
        headers = {"Authorization": f"Bearer {token_as_printed(printed)}"}
        assert requests.get(url, headers=headers, timeout=30).json()["total"] > 0


def test_without_canaille_it_says_what_to_install() -> None:
    """The authorization server is an extra, which only this demo needs."""
    code = (
        "import sys; sys.modules['canaille'] = None; sys.argv = ['example_app', '--oauth']\n"
        "from example_app.__main__ import main\n"
        "sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'flask-gluu-changes[demo-oauth]'" in done.stderr
