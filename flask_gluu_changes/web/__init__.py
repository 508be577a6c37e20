"""The blueprint, its parameters, its answers and its documents."""
