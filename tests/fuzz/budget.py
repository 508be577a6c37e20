"""How many examples each test tries: a few with the other tests, many by `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

FEW = 30
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", FEW))

fuzzed = settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES == FEW,  # what `make test` tries is the same each time
    # an example that fails is shown as it is: making it smaller may take minutes
    phases=(Phase.explicit, Phase.generate),
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
