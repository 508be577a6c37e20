"""Whatever breaks meanwhile, at rest the journal is the OpenDJ."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import ldap

from flask_gluu_changes.backends.ldap import LdapBackend
from tests.support.filling import Filler
from tests.support.people import GROUPS_DN
from tests.support.torture import Torture
from tests.support.troubles import Ordeal, Site

from .opendj import OpenDJ


def test_nothing_is_lost_in_a_minute_of_trouble(tmp_path: Path) -> None:
    """20,000 people, two writers, ten SIGKILLs, two restarts of OpenDJ, one of the web server."""
    server = OpenDJ(tmp_path / "opendj", changelog=True)
    torture = Torture(tmp_path, Site(20_000, "", silent=False), server=server)
    with closing(LdapBackend.from_config(server.settings())) as backend:
        server.connect().modify_s(GROUPS_DN, [(ldap.MOD_REPLACE, "description", [b"groups"])])
        with Filler(torture.journal, backend) as filler:  # up to a change, from which to go on
            filler.until(lambda: "o=gluu" in torture.journal.state().cookie)
            filler.built()
        epoch = torture.journal.state().epoch
        torture.endure(Ordeal(60, kills=10, restarts=2, nodes=1))
    assert torture.journal.state().epoch == epoch
    torture.journal.engine.dispose()
