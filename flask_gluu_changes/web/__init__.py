"""The web side: the blueprint, its parameters, its answers and its documents."""
