"""A served journal and its replica, for all tests of the command."""

from tests.support.databases import mariadb as mariadb
from tests.support.databases import postgres as postgres
from tests.support.journals import close_engines as close_engines
from tests.support.journals import engine as engine
from tests.support.journals import journal as journal
from tests.support.sync_command import synced as synced
