"""Whatever breaks meanwhile, at rest the journal is the OpenDJ."""

from __future__ import annotations

from pathlib import Path

import ldap

from flask_gluu_changes.backends.ldap import LdapBackend
from tests.support.filling import Filler
from tests.support.people import GROUPS_DN
from tests.support.torture import Torture

from .opendj import OpenDJ


def test_nothing_is_lost_in_a_minute_of_trouble(tmp_path: Path) -> None:
    """20,000 people, two writers, ten SIGKILLs of the follower, two restarts of OpenDJ."""
    server = OpenDJ(tmp_path / "opendj", changelog=True)
    torture = Torture(tmp_path, people=20_000, server=server)
    backend = LdapBackend.from_config(server.settings())
    try:
        server.connect().modify_s(GROUPS_DN, [(ldap.MOD_REPLACE, "description", [b"groups"])])
        with Filler(torture.journal, backend) as filler:  # up to a change, from which to go on
            filler.until(lambda: "o=gluu" in torture.journal.state().cookie)
            filler.built()
        epoch = torture.journal.state().epoch
        torture.run(kills=10, restarts=2, seconds=60)
        assert torture.wrongly_deleted() == set()
        assert torture.journal.state().epoch == epoch
    finally:
        backend.close()
        torture.server.stop()
        torture.journal.engine.dispose()
