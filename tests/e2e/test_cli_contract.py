"""Every command the first issue reaches, by a real process: its schema, and the keys CLI.md promises.

One table: words, exit code, schema, keys. The state it runs on is made once: a film signed and delivered,
another one drafted, a study held.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from tests.e2e.flow import Place, a_film, set_up, written
from tests.e2e.world import Cli, Demo


class Stage(NamedTuple):
    """A desk with something of everything."""

    cli: Cli
    names: dict[str, str]
    """What `{...}` in the table stands for."""


class Row(NamedTuple):
    """One command."""

    words: str
    schema: str
    keys: str
    """Keys of the object; ``items.key`` is a key of each member of a list that is not empty."""
    code: int = 0
    stdin: str = ""


ITEM = "task hub state mine signable priority due patient accession procedure modality study_uid instances"
PERSON = "name id issuer birth_date sex nhs_number nhs_status"
TABLE = (
    Row("--version", "version", "version"),
    Row("worklist", "worklist", "items age_seconds"),
    Row("worklist {film}", "worklist", "items"),
    Row("worklist - --limit 3", "worklist", "items", stdin="modality:CR state:requested,in-progress"),
    Row("worklist state:requested", "worklist", " ".join(f"items.{one}" for one in ITEM.split())),
    Row("worklist priority:stat", "worklist", "items.cached items.draft items.report_state"),
    Row("worklist due:<9d", "worklist", " ".join(f"items.patient.{one}" for one in PERSON.split())),
    Row("hub list", "hubs", "hubs.name"),
    Row("hub show site", "hub", "name"),
    Row("config show --origin", "config", "settings"),
    Row("config why idle_minutes", "config-why", "key value"),
    Row("config set idle_minutes 12", "config-set", "key value"),
    Row("dictation list", "speech-models", "models known installed"),
    Row("dictation commands", "voice-commands", "commands.id commands.phrases commands.text"),
    Row("doctor", "doctor", "checks.check checks.ok checks.detail checks.remedy"),
    Row("sync", "sync", "pulled pushed held needs_attention waiting offline hubs"),
    Row("sync --pull", "sync", "pulled pushed offline"),
    Row("sync --push", "sync", "pulled pushed offline"),
    Row("claim {film}", "claim", "task state mine"),
    Row("fetch {film} --via dicomweb --no-priors", "fetch", "study_uid via instances_expected priors"),
    Row(
        "fetch {study} --via c-get --priors 1",
        "fetch",
        "instances_held bytes seconds complete priors fallbacks",
    ),
    Row("fetch {film} --via c-move --no-priors", "error", "error.title", 2),
    Row("cache list", "cache", "studies.study_uid"),
    Row("cache where {study}", "cache-where", "study_uid"),
    Row("cache verify", "cache-verify", "damaged"),
    Row("cache verify {study}", "cache-verify", "damaged"),
    Row("cache stats", "cache-stats", ""),
    Row("study {study}", "study", "series.series_uid series.modality series.description"),
    Row("study {study}", "study", "series.instances.sop_uid series.instances.sop_class"),
    Row("study {study}", "study", "series.instances.frames"),
    Row(
        "image {study} --png {out}", "image", "rows columns frames window photometric transfer_syntax decoder"
    ),
    Row("image {study} --frame 1 --window 2000,4000 --png {out} --annotate", "image", "placeholder"),
    Row("image {study} --size 40x20 --protocol none", "image", "rows columns"),
    Row("report start {film}", "report-draft", "draft task sections fields"),
    Row("report show {film}", "report-draft", "draft task sections fields"),
    Row("report set {film} findings -", "report-draft", "draft", stdin="Nothing abnormal is seen."),
    Row("report check {film}", "check", "rules.id rules.severity rules.blocking rules.text rules.hazard", 5),
    Row("report list", "reports", "reports.report reports.task"),
    Row("report search -", "reports", "reports", stdin="abnormal"),
    Row("report verify {report}", "verify", "valid trust signer signed_at sha256 why"),
    Row("report export {report} --format text --out {out}", "export", "report version format"),
    Row("report export {report} --format html --out {out}", "export", "report version format"),
    Row("report export {report} --format fhir --out {out}", "export", "report version format"),
    Row("report verify {out}", "verify", "valid trust"),
    Row("report addendum {report}", "report-draft", "draft"),
    Row("report discard {film} --reason -", "report-discard", "", stdin="Not needed"),
    Row("outbox", "outbox", "items.id items.kind items.report items.hub items.state items.why items.choices"),
    Row("outbox list", "outbox", "items.attempts items.receipt"),
    Row("outbox show {item}", "outbox-item", ""),
    Row("template list", "templates", "templates.id"),
    Row("template show {template}", "template", "id"),
    Row("autotext set mine -", "autotext", "name text", stdin="The lungs are clear."),
    Row("autotext list", "autotexts", "autotexts.name autotexts.text"),
    Row("audit list", "audit", "rows"),
    Row("audit verify", "audit-verify", "valid rows head"),
    Row("audit export", "", ""),
    Row("themes list", "themes", "themes.id"),
    Row("keys list", "keys", "keys"),
    Row("help", "help", ""),
    Row("help signing", "help", ""),
    Row("give-back {film} --reason 110513", "give-back", "task state mine"),
    Row("next", "next", "task"),
    Row("cache purge {study}", "cache-purge", ""),
    Row("engine --once", "", ""),
    Row("lock", "lock", ""),
    Row("key recovery", "key", "recovery_code"),
    Row("hub remove site", "purge-receipt", "reports"),
    Row("wipe", "wipe", "discarded"),
)


@pytest.fixture(scope="module")
def stage(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """One film signed and delivered, another that is free."""
    home = tmp_path_factory.mktemp("contract")
    cli = Cli(home)
    place = Place(demo.fhir, demo.dicomweb, demo.dimse, demo.stop, lambda: demo.fhir)
    made = set_up(cli, place)
    assert {"schema", "recovery_code"} <= set(made)
    cli.json("sync")
    first, second = a_film(cli, 0), a_film(cli, 1)
    cli.json("claim", first["task"])
    cli.json("fetch", first["task"])
    written(cli, first["task"])
    signed = cli.json("report", "sign", first["task"])
    assert {"report", "version", "task", "sha256", "signed_at", "state"} <= set(signed)
    cli.json("sync")
    item = cli.json("outbox")["items"][0]["id"]
    names = {"film": second["task"], "study": second["study_uid"], "report": signed["report"], "item": item}
    names["template"] = cli.json("template", "list")["templates"][0]["id"]
    return Stage(cli, {**names, "out": str(home / "out")})


def has(body: Any, path: str) -> bool:
    """Whether an object has a key; in a list, each member, of which there is one at least."""
    key, _, rest = path.partition(".")
    if not isinstance(body, dict) or key not in body:
        return False
    if not rest:
        return True
    inner = body[key]
    members = inner if isinstance(inner, list) else [inner]
    return bool(members) and all(has(one, rest) for one in members)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.words)
def test_a_command_prints_what_is_promised(stage: Stage, row: Row) -> None:
    words = [word.format(**stage.names) for word in row.words.split()]
    answer = stage.cli.run(*words, "--json", stdin=row.stdin.encode(), timeout=200)
    assert answer.code == row.code, answer
    lines = [json.loads(line) for line in answer.out.splitlines()]
    assert lines, "nothing on standard output"
    assert all(line["schema"].startswith("teleread.") for line in lines)
    assert all(line["schema"].endswith("/1") for line in lines)
    if row.schema:
        assert len(lines) == 1
        missing = [key for key in row.keys.split() if not has(lines[0], key)]
        assert not missing, (missing, lines[0])


@pytest.mark.parametrize("row", TABLE[1:3], ids=lambda row: row.words)
def test_without_json_there_are_words_and_no_braces(stage: Stage, row: Row) -> None:
    answer = stage.cli.run(*[word.format(**stage.names) for word in row.words.split()])
    assert "{" not in answer.out


def test_no_promised_command_is_left_out_of_the_table() -> None:
    from teleread.cli.main import NOUNS

    tried = {row.words.split()[0] for row in TABLE}
    # Made by the stage, by tests of their own, and by every test here.
    by_others = {"init", "import", "dictate", "demo"}
    assert set(NOUNS) - tried - by_others == set()
