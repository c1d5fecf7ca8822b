"""Every string has its Chinese: the catalogue is complete and fresh."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def i18n():
    """Return ``tools/i18n.py`` as a module of its own."""
    spec = importlib.util.spec_from_file_location("nmgdata_i18n", ROOT / "tools" / "i18n.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nothing_is_missing_or_stale(i18n):
    assert i18n.check() == []


def test_a_missing_translation_and_a_new_string_are_noticed(i18n, tmp_path, monkeypatch):
    copy = tmp_path / i18n.OURS.name
    shutil.copy(i18n.OURS, copy)
    catalogue = polib.pofile(str(copy))
    catalogue.find("Data catalogue").msgstr = ""
    catalogue.save()
    known, new = i18n.messages, ("x.py", None, "A string that nobody translated", "", [])
    monkeypatch.setattr(i18n, "OURS", copy)
    monkeypatch.setattr(i18n, "messages", lambda folder: [*known(folder), new])
    faults = "\n".join(i18n.check())
    assert "no Chinese for 'Data catalogue'" in faults
    assert "no Chinese for 'A string that nobody translated'" in faults
    assert f"{i18n.POT.name} is stale" in faults
