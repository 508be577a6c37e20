"""Names and ids of a store's own making never change what the journal says about a person."""

from __future__ import annotations

import json

import pytest

from flask_gluu_changes.journal.limits import SizeLimits
from flask_gluu_changes.journal.records import IdentityEncoder, line_of
from flask_gluu_changes.visibility import Visibility


def _encoder(limits: SizeLimits = SizeLimits()) -> IdentityEncoder:  # noqa: B008 -- it cannot change
    return IdentityEncoder((), lambda name: None, Visibility.of(), limits)


@pytest.mark.parametrize("name", ["@id", "@version", "@changeType", "@omitted", "@ID", "@"])
def test_no_attribute_passes_for_what_the_journal_says(name: str) -> None:
    """A column may have such a name; a reader of JSON would take the last of two."""
    entry = {"uid": ["ann"], name: ["forged"]}
    line = line_of(_encoder().encode("1", entry), 1, created=True)
    assert json.loads(line) == {"@changeType": "created", "@id": "1", "@version": 1, "uid": ["ann"]}
    assert not Visibility.of(allowed=[name]).shows(name)


def test_an_omitted_name_has_no_lone_surrogate() -> None:
    """Readers of JSON in other languages refuse the whole page."""
    encoder = _encoder(SizeLimits(value=2, entry=100))
    line = line_of(encoder.encode("1", {"a\ud800": ["long"]}), 1, created=True)
    assert json.loads(line)["@omitted"] == ["a?"]


def test_an_id_with_a_lone_surrogate_cannot_be_told() -> None:
    """Any other text in place of it might be the id of somebody else."""
    with pytest.raises(UnicodeEncodeError):
        _encoder().encode("a\ud800", {"uid": ["ann"]})
