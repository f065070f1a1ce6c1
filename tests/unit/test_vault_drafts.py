"""The draft journal: nothing overwritten, nothing forgotten, one who writes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from teleread.model.errors import AttentionError, UsageError
from teleread.model.task import Versions
from teleread.vault.vault import Vault
from tests.unit.vault_cases import key, new_draft, new_vault, section, sign


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with new_vault(tmp_path) as one:
        yield one


def _text(vault: Vault, draft_id: str, section_id: str = "findings", seq: int | None = None) -> str:
    found = vault.drafts.get(draft_id, seq).section(section_id)
    assert found is not None
    return found.text


def test_a_draft_is_replayed_as_it_was_written(vault: Vault) -> None:
    draft = new_draft(vault)
    seq = vault.drafts.append(draft.id, 0, sections={"findings": "Liver normal.\nSpleen normal."})
    seq = vault.drafts.append(draft.id, seq, sections={"impression": "Normal."}, fields={"side": "left"})
    seq = vault.drafts.append(draft.id, seq, added=[section("comparison", "None.")])
    found = vault.drafts.get(draft.id)
    assert [one.id for one in found.sections] == ["findings", "impression", "comparison"]
    assert _text(vault, draft.id) == "Liver normal.\nSpleen normal."
    assert (found.seq, found.fields) == (3, {"side": "left"})


def test_every_earlier_version_can_be_had(vault: Vault) -> None:
    draft = new_draft(vault)
    for number in range(200):
        vault.drafts.append(draft.id, number, sections={"findings": f"text {number + 1}"})
    assert [_text(vault, draft.id, seq=seq) for seq in (0, 1, 63, 64, 65, 128, 200)] == [
        "Liver normal.",
        "text 1",
        "text 63",
        "text 64",
        "text 65",
        "text 128",
        "text 200",
    ]
    versions = vault.drafts.versions(draft.id)
    assert [one.seq for one in versions] == list(range(201))
    assert versions[64].changed == ("findings",)


def test_a_write_on_a_stale_sequence_is_refused_and_nothing_is_lost(vault: Vault) -> None:
    draft = new_draft(vault)
    vault.drafts.append(draft.id, 0, sections={"findings": "first window"})
    with pytest.raises(AttentionError) as told:
        vault.drafts.append(draft.id, 0, sections={"findings": "second window"})
    assert told.value.code == "stale-draft"
    assert _text(vault, draft.id) == "first window"


def test_a_journal_row_can_not_be_changed(vault: Vault) -> None:
    draft = new_draft(vault)
    with pytest.raises(Exception, match="may never change"):
        vault.reports_database.connection.execute("UPDATE draft_op SET change = '{}'")
    assert _text(vault, draft.id) == "Liver normal."


def test_an_unknown_section_is_refused_with_the_names_there_are(vault: Vault) -> None:
    draft = new_draft(vault)
    with pytest.raises(UsageError, match="findings, impression"):
        vault.drafts.append(draft.id, 0, sections={"conclusion": "x"})


def test_a_second_window_is_refused_until_it_takes_over(vault: Vault) -> None:
    draft = new_draft(vault)
    first, second = vault.holders.join(), vault.holders.join()
    assert vault.drafts.hold(draft.id, first)
    assert not vault.drafts.hold(draft.id, second)
    with pytest.raises(AttentionError) as told:
        vault.drafts.append(draft.id, 0, sections={"findings": "x"}, holder=second)
    assert told.value.code == "draft-held"
    vault.drafts.take(draft.id, second)
    assert vault.drafts.append(draft.id, 0, sections={"findings": "taken"}, holder=second) == 1
    with pytest.raises(AttentionError):
        vault.drafts.append(draft.id, 1, sections={"findings": "late"}, holder=first)


def test_a_window_that_was_killed_holds_nothing(vault: Vault) -> None:
    draft = new_draft(vault)
    code = (
        "import sys, os; from pathlib import Path; from teleread.vault.holders import Holders;"
        "h = Holders(Path(sys.argv[1])); print(h.join(), flush=True); sys.stdin.read()"
    )
    folder = str(vault.paths.data / "holders")
    with subprocess.Popen(
        [sys.executable, "-c", code, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as window:
        assert window.stdout is not None
        name = window.stdout.readline().strip()
        assert vault.drafts.hold(draft.id, name)
        assert not vault.drafts.hold(draft.id, vault.holders.join())
        window.kill()
    assert vault.drafts.hold(draft.id, vault.holders.join())


def test_a_discarded_draft_waits_in_the_trash(vault: Vault) -> None:
    draft = new_draft(vault)
    vault.drafts.discard(draft.id, "wrong template")
    assert vault.drafts.open_for(key()) == ()
    with pytest.raises(UsageError):
        vault.drafts.append(draft.id, 0, sections={"findings": "x"})
    assert [one.id for one in vault.drafts.list("discarded")] == [draft.id]
    assert vault.drafts.restore(draft.id).state == "open"
    assert vault.drafts.open_ids() == {key(): draft.id}


def test_what_was_seen_at_opening_is_kept_with_the_draft(vault: Vault) -> None:
    versions = Versions("3", "2", "1", "4")
    draft = vault.drafts.start(
        key(), "t", "1", [section("findings")], opened_versions=versions, opened_study_digest="ab"
    )
    found = vault.drafts.get(draft.id)
    assert (found.opened_versions, found.opened_study_digest) == (versions, "ab")


def test_a_signed_draft_takes_no_more_text(vault: Vault) -> None:
    draft = new_draft(vault)
    sign(vault, draft)
    with pytest.raises(UsageError):
        vault.drafts.append(draft.id, 0, sections={"findings": "x"})
    assert vault.drafts.get(draft.id).state == "signed"
    assert vault.reports.states() == {key(): "signed"}


def test_own_reports_are_found_by_any_word_and_queries_are_only_words(vault: Vault) -> None:
    sign(vault, new_draft(vault))
    assert [one.report_id for one in vault.reports.search("STONES no")] == ["r-1"]
    assert vault.reports.search("gallbladder") == ()
    for hostile in ('"', "NEAR(", "body:x", "a OR b*", '"" AND', "-", "*", "  "):
        assert vault.reports.search(hostile) == ()
