"""What the relational backend and the journal have in common: statements, drivers, waits, forks."""

from .drivers import parse_url as parse_url
from .encryption import warn_unless_encrypted as warn_unless_encrypted
from .engines import connect_options as connect_options
from .engines import name_of as name_of
from .engines import notice_forks as notice_forks
from .engines import numbers_of as numbers_of
from .engines import prepare_engine as prepare_engine
from .statements import CompiledQuery as CompiledQuery
