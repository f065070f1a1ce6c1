"""How adapters are made: the sign-in of an archive follows the vault."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from teleread.archive.dicomweb import DicomwebArchive
from teleread.host.clock import SystemClock
from teleread.model.errors import NotSignedInError
from teleread.model.hubfile import HubFile
from teleread.workstation.core import Core
from teleread.workstation.sites import SECRET, Sites
from tests.contract import archive_hostile_web as web
from tests.contract.archive_hostile_web import Ask, hostile_web, slices


def core_with(hub: HubFile, secrets: dict[tuple[str, str], str]) -> Core:
    """As much of a core as the adapters need."""
    kept = SimpleNamespace(get=lambda hub_id, name: secrets.get((hub_id, name)))
    core = SimpleNamespace(
        hubs=(hub,), hub=lambda hub_id: hub, vault=SimpleNamespace(hub_secrets=kept), clock=SystemClock()
    )
    return cast(Core, core)


def wanting(token: list[str]) -> web.Quirk:
    """A server that takes one token alone."""

    def quirk(ask: Ask) -> bool:
        if ask.headers.get("Authorization") == f"Bearer {token[0]}":
            return False
        ask.plain(401)
        return True

    return quirk


def test_a_secret_given_anew_is_used_by_an_adapter_that_is_there_already() -> None:
    token, secrets = ["first"], {("hub", SECRET): "first"}
    with hostile_web(slices(), wanting(token)) as server:
        hub = HubFile("hub", "north", dicomweb=server.base, auth="bearer")
        sites = Sites(core_with(hub, secrets))
        (archive,) = sites.archives("hub")
        assert isinstance(archive, DicomwebArchive)
        study = next(iter(server.files)).rsplit(".", 2)[0]
        assert len(archive.manifest(study).sop_uids) == 7
        token[0] = "second"
        with pytest.raises(NotSignedInError):
            archive.manifest(study)
        secrets["hub", SECRET] = "second"
        assert len(archive.manifest(study).sop_uids) == 7
        sites.close()
