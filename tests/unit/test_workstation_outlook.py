"""The policy from settings and hub files, the bar of a fetch, and what never parses a header."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from teleread.cli.progress import bar_line
from teleread.host.paths import Home
from teleread.model.errors import UsageError
from teleread.model.study import StudyKey
from teleread.vault.seal import Kdf
from teleread.vault.vault import Vault
from teleread.workstation import outlook
from teleread.workstation.core import Core
from tests.archive_factories import STUDY, MemoryArchive, ct

HUB = 'hub_id = "{0}"\nfhir = "https://{0}.example/fhir"\ndicomweb = "https://{0}.example/web"\n'


@pytest.fixture
def core(tmp_path: Path) -> Any:
    paths = Home(tmp_path / "config", tmp_path / "data", tmp_path / "logs").profile("default")
    vault, _ = Vault.create(
        paths, passphrase="words for a test", pin=None, kdf=Kdf(memory_kib=8, passes=1), ballast_bytes=0
    )
    paths.hubs.mkdir(parents=True, exist_ok=True)
    (paths.hubs / "north.toml").write_text(
        HUB.format("north") + "[defaults]\ncache_retain_hours = 24\nprefetch_cases = 3\n"
    )
    (paths.hubs / "south.toml").write_text(HUB.format("south"))
    yield Core(paths, vault, vault.clock)
    vault.close()


def test_a_sites_retention_counts_for_its_own_studies_alone(core: Core) -> None:
    found = outlook.policy(core)
    assert found.retain_hours == {"north": 24.0, "south": -1.0}
    assert found.rules.cases == 3
    assert found.budget.quota == 40_000_000_000


def test_the_profile_wins_over_a_hub_file_and_the_environment_over_both(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.paths.settings.write_text(
        'cache_retain_hours = 1\ncache_quota_gb = 0\nprefetch_quiet = "19:00-21:30"\n'
    )
    found = outlook.policy(core)
    assert found.retain_hours == {"north": 1.0, "south": 1.0}
    assert found.budget.quota is None
    assert found.rules.quiet == (19 * 60, 21 * 60 + 30)
    monkeypatch.setenv("TELEREAD_CACHE_RETAIN_HOURS", "2")
    monkeypatch.setenv("TELEREAD_METERED", "yes")
    found = outlook.policy(core)
    assert found.retain_hours == {"north": 2.0, "south": 2.0}
    assert found.metered


@pytest.mark.parametrize("text", ["evening", "25:00-26:00", "19:00", "19:00-21:60"])
def test_hours_that_are_none_are_refused_in_words(core: Core, text: str) -> None:
    core.paths.settings.write_text(f'prefetch_quiet = "{text}"\n')
    with pytest.raises(UsageError, match="is written as 19:00-21:30"):
        outlook.policy(core)


def test_the_bar_tells_share_count_speed_and_time_left() -> None:
    line = bar_line({"held": 30, "expected": 120, "rate": 2_500_000, "eta": 95.0})
    assert line == "[######..................]  25%  30 of 120  2.5 MB/s  1:35 left"
    assert bar_line({"held": 3, "expected": 0}).startswith("[........................]   ?%  3 of ?")


def test_scrolling_and_the_right_patient_check_read_the_index_and_never_a_header(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    from teleread.archive.fetcher import fetch
    from teleread.wire import dicom_header
    from teleread.workstation.cases import study_series

    synced: list[int] = []
    real = os.fsync

    def counted(descriptor: int) -> None:
        synced.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    files = {f"{STUDY}.1.{number}": ct(number) for number in (3, 1, 2)}
    assert fetch(core.vault, [MemoryArchive(files)], StudyKey("north", STUDY)).complete
    # One segment: its file once, and the folder that names it.
    assert len(synced) <= 2
    monkeypatch.setattr(dicom_header, "HeaderReader", None)
    monkeypatch.setattr(type(core.vault.objects), "read", None)
    monkeypatch.setattr(type(core.vault.objects), "read_range", None)
    (series,) = study_series(core, "north", STUDY)
    # By position along the normal, from the head down.
    assert [one.instance_number for one in series.instances] == [3, 2, 1]
    first = series.instances[-1]
    assert (first.rows, first.columns, first.frames) == (16, 16, 1)
    assert first.window == (40.0, 400.0)
    assert first.position == (0.0, 0.0, 1.0)
    assert first.transfer_syntax == "1.2.840.10008.1.2.1"
    assert first.pixel_offset is not None
    (who,) = core.vault.studies.identities("north", STUDY)
    assert (who.patient_id, who.birth_date, who.sex, who.accession) == ("P0001", "1950-01-01", "F", "ACC1")
