"""Speed as a table of ratios, each against a peer that is measured in the same run."""
