"""The worklist's mirror, claims, requests and events, hub secrets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from teleread.host.clock import FakeClock
from teleread.model.errors import IntegrityError, OfflineError
from teleread.model.study import StudyInfo, StudyKey
from teleread.model.text import SafeText
from teleread.vault import codec
from teleread.vault.vault import Vault
from teleread.vault.worklist import HubState
from tests.unit.vault_cases import HUB, NAME, NHS, START, STUDY, context, keep, key, new_vault, prior


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with new_vault(tmp_path) as one:
        yield one


def test_a_context_comes_back_whole(vault: Vault) -> None:
    vault.worklist.put_page(HUB, [context()], START)
    assert vault.worklist.get(key()) == context()
    assert vault.worklist.versions(key()) == context().versions
    assert vault.worklist.get(key("none")) is None


def test_the_order_is_stat_first_then_due(vault: Vault) -> None:
    late = context("late")
    page = [context("r"), context("s", priority="stat"), context("u", priority="urgent"), late]
    vault.worklist.put_page(HUB, page, START)
    assert [row.task_id for row in vault.worklist.items()] == ["s", "u", "late", "r"]


def test_a_line_has_what_the_screen_shows(vault: Vault) -> None:
    vault.worklist.put_page(HUB, [context()], START)
    keep(vault, [b"a", b"b"])
    row = next(vault.worklist.items(HUB))
    assert (row.key, row.patient_name, row.patient_id, row.nhs_number) == (key(), NAME, "NG777001", NHS)
    assert (row.due, row.accession, row.modality, row.site) == (START, "NG26-1", "CT", "Northgate Hospital")
    assert (row.cached, row.instances) == ("part", 3)
    vault.studies.put_study(StudyInfo(StudyKey(HUB, STUDY), expected=2))
    assert next(vault.worklist.items()).cached == "all"
    assert all(type(one) is SafeText for one in (row.patient_name, row.status, row.study_uid))


def test_an_empty_page_deletes_nothing_and_a_later_one_replaces(vault: Vault) -> None:
    vault.worklist.put_page(HUB, [context()], START)
    vault.worklist.put_page(HUB, [], START)
    vault.worklist.put_page(HUB, [context(version="2", name="Changed^Name")], START)
    found = vault.worklist.get(key())
    assert found is not None
    assert (vault.worklist.count(), found.task.version, found.patient.name) == (1, "2", "Changed^Name")


def test_the_same_task_id_at_two_hubs_is_two_and_ambiguous(vault: Vault) -> None:
    for hub in ("x", "y"):
        vault.worklist.put_page(hub, [context(hub=hub)], START)
    assert vault.worklist.find("task-1") == (key(hub="x"), key(hub="y"))
    vault.worklist.drop_hub("x")
    assert vault.worklist.find("task-1") == (key(hub="y"),)


def test_a_hubs_line_is_remembered(vault: Vault) -> None:
    assert vault.worklist.hub_state(HUB) == HubState(HUB)
    state = HubState(HUB, "cursor", START, SafeText("no answer"), -2.5, START)
    vault.worklist.put_hub_state(state)
    assert vault.worklist.hub_state(HUB) == state


def test_prior_reports_are_listed_searched_and_replaced(vault: Vault) -> None:
    vault.worklist.put_page(HUB, [context()], START)
    vault.worklist.put_page(HUB, [context()], START)
    assert vault.prior_reports.list(HUB, "p-1") == (prior(),)
    assert vault.prior_reports.search("cyst kidn") == ((HUB, prior()),)
    assert vault.prior_reports.get(HUB, "dr-9") == prior()
    assert vault.prior_reports.search("spleen") == ()


def test_a_prior_report_that_moves_to_another_patient_is_there_and_found_once(vault: Vault) -> None:
    vault.prior_reports.put(HUB, "p-1", [prior()])
    vault.prior_reports.put(HUB, "p-2", [prior()])
    assert vault.prior_reports.list(HUB, "p-1") == ()
    assert vault.prior_reports.list(HUB, "p-2") == (prior(),)
    assert vault.prior_reports.search("cyst") == ((HUB, prior()),)


def test_of_a_word_that_very_many_reports_hold_the_last_are_told_and_a_rare_one_is_found(
    vault: Vault,
) -> None:
    rest = [replace(prior(f"r{number}"), text=SafeText("normal")) for number in range(1100)]
    vault.prior_reports.put(HUB, "p-1", [prior("first"), *rest])
    found = [one.id for _, one in vault.prior_reports.search("normal")]
    assert found == [f"r{number}" for number in range(1099, 899, -1)]
    assert [one.id for _, one in vault.prior_reports.search("cyst")] == ["first"]


def test_a_row_that_can_not_be_read_is_an_integrity_error(vault: Vault) -> None:
    vault.worklist.put_page(HUB, [context()], START)
    for damage in (b"", b"x", b"\x78\x9c"):
        vault.cache_database.connection.execute("UPDATE worklist SET context = ?", (damage,))
        with pytest.raises(IntegrityError):
            vault.worklist.get(key())


def test_a_value_written_by_an_older_teleread_gets_defaults() -> None:
    assert codec.loads(StudyKey, '{"hub_id":"h","study_uid":"1","gone":3}') == StudyKey("h", "1")
    with pytest.raises(IntegrityError):
        codec.loads(StudyKey, '{"hub_id":"h"}')


def test_stamps_sort_as_times_do() -> None:
    moments = [START + timedelta(microseconds=one) for one in (0, 1, 999_999, 1_000_000, 3_600_000_000)]
    stamps = [codec.stamp(one) for one in moments]
    assert stamps == sorted(stamps)
    assert [codec.unstamp(one) for one in stamps] == moments


def test_a_claim_goes_through_its_states_and_is_audited_once_each(vault: Vault) -> None:
    for state in ("wanted", "held", "held", "lost"):
        vault.claims.put(key(), state, why="taken by another" if state == "lost" else "")
    claim = vault.claims.get(key())
    assert claim is not None
    assert (claim.state, claim.why) == ("lost", "taken by another")
    assert [row.kind for row in vault.audit.export()][-3:] == ["claim-wanted", "claim-held", "claim-lost"]
    assert vault.claims.held() == frozenset()
    vault.claims.forget(key())
    assert vault.claims.list() == ()


def test_a_hub_secret_is_kept_replaced_and_forgotten(vault: Vault) -> None:
    vault.hub_secrets.put(HUB, "token", "one")
    vault.hub_secrets.put(HUB, "token", "two")
    assert (vault.hub_secrets.get(HUB, "token"), vault.hub_secrets.names(HUB)) == ("two", ("token",))
    vault.hub_secrets.delete(HUB, "token")
    assert vault.hub_secrets.get(HUB, "token") is None


def test_requests_are_taken_once_and_in_order(vault: Vault) -> None:
    first = vault.requests.put("claim", {"task": "t"})
    second = vault.requests.put("sync")
    assert vault.requests.cancel(second)
    taken = vault.requests.take()
    assert taken is not None
    assert (taken.id, taken.kind, taken.args) == (first, "claim", {"task": "t"})
    assert vault.requests.take() is None
    assert not vault.requests.cancel(first)


def test_a_request_of_somebody_long_gone_is_not_carried_out(tmp_path: Path) -> None:
    clock = FakeClock(START)
    with new_vault(tmp_path, clock=clock) as vault:
        vault.requests.put("claim")
        clock.advance(7200)
        assert vault.requests.take() is None


def test_an_answer_from_another_process_ends_the_wait(vault: Vault) -> None:
    engine = Vault.open_with_key(vault.paths, vault.master_handoff(), clock=vault.clock)
    asker = Vault.open_with_key(vault.paths, vault.master_handoff(), clock=vault.clock)
    request = vault.requests.put("claim")

    def answer() -> None:
        taken = engine.requests.take()
        assert taken is not None
        engine.events.emit("request-done", {"exit": 0}, taken.id)

    worker = threading.Thread(target=answer)
    worker.start()
    event = asker.events.wait(request, 10_000.0)  # of a clock that runs as fast as the table is read
    worker.join()
    assert (event.data, event.request_id) == ({"exit": 0}, request)
    engine.close()
    asker.close()


def test_a_wait_without_answer_ends_in_words(vault: Vault) -> None:
    with pytest.raises(OfflineError) as told:
        vault.events.wait(vault.requests.put("claim"), 1.0)
    assert told.value.code == "engine-silent"


def test_events_are_read_from_where_one_left_off(vault: Vault) -> None:
    start = vault.events.last_id()
    vault.events.emit("pulled", {"n": 1})
    vault.events.emit("delivered")
    assert [one.kind for one in vault.events.since(start)] == ["pulled", "delivered"]
    assert [one.kind for one in vault.events.since(start + 1)] == ["delivered"]


def test_every_public_name_is_there() -> None:
    import importlib
    import pkgutil

    import teleread.host
    import teleread.vault

    checked = 0
    for package in (teleread.host, teleread.vault):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            loaded = importlib.import_module(module.name)
            assert all(hasattr(loaded, name) for name in loaded.__all__), module.name
            checked += 1
    assert checked > 30
