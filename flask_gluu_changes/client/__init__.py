"""A consumer of the token forms, on httpx: batches of changes, each token saved when it is due."""

from .auth import ClientCredentials as ClientCredentials
from .auth import Uma as Uma
from .client import Batch as Batch
from .client import Change as Change
from .client import ChangesClient as ChangesClient
from .errors import ChangesError as ChangesError
from .errors import ChangesMisconfigured as ChangesMisconfigured
from .errors import ChangesRefused as ChangesRefused
from .errors import ChangesUnavailable as ChangesUnavailable
from .private_key import PrivateKey as PrivateKey
from .token_command import TokenCommand as TokenCommand
from .token_store import FileTokenStore as FileTokenStore
from .token_store import MemoryTokenStore as MemoryTokenStore
from .token_store import TokenStore as TokenStore

__all__ = [
    "Batch",
    "Change",
    "ChangesClient",
    "ChangesError",
    "ChangesMisconfigured",
    "ChangesRefused",
    "ChangesUnavailable",
    "ClientCredentials",
    "FileTokenStore",
    "MemoryTokenStore",
    "PrivateKey",
    "TokenCommand",
    "TokenStore",
    "Uma",
]
