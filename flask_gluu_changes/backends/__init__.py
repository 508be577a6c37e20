"""The backends that come with the package; each but `memory` is an optional extra."""
