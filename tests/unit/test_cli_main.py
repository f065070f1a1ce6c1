"""The command line's frame: globals, errors, streams, help."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from teleread.cli import main as frame
from teleread.cli.crash import record, scrubbed
from teleread.cli.output import Output
from teleread.model.errors import AttentionError, UsageError


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEREAD_HOME", str(tmp_path))


def test_global_options_are_taken_before_and_after_the_noun() -> None:
    profile, switches, words = frame.split_globals(
        ["--profile", "night", "worklist", "ct", "--json", "--offline"]
    )
    assert profile == "night"
    assert switches == {"json", "offline"}
    assert words == ["worklist", "ct"]


def test_words_after_a_double_dash_are_left_alone() -> None:
    _, switches, words = frame.split_globals(["report", "set", "t", "findings", "--", "--json"])
    assert not switches
    assert words[-2:] == ["--", "--json"]


def test_a_profile_without_a_name_is_refused() -> None:
    with pytest.raises(UsageError):
        frame.split_globals(["worklist", "--profile"])


@pytest.mark.parametrize("noun", sorted(frame.NOUNS))
def test_every_command_tells_its_own_help(noun: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run([noun, "--help"]) == 0
    assert f"teleread {noun}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["dictate"],
        ["report", "withdraw", "x"],
        ["init", "--hub", "x", "--ups-rs", "http://127.0.0.1"],
        ["init", "--hub", "x", "--auth", "smart"],
    ],
)
def test_what_comes_later_is_absent_not_faked(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(words) == 2
    assert capsys.readouterr().err.strip()


def test_an_error_is_words_on_stderr_and_json_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(["worklist", "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["error"]["code"] == "no-vault"
    assert "teleread init" in told.err


def test_an_unforeseen_error_is_a_code_and_a_trace_without_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def explode(*_: object) -> int:
        raise ValueError("SMITH^JOHN is in this message")

    monkeypatch.setattr(frame, "_dispatch", explode)
    assert frame.run(["worklist"]) == 1
    told = capsys.readouterr()
    assert "code" in told.err
    assert "SMITH" not in told.err + told.out
    traces = list(tmp_path.rglob("crash-*.txt"))
    assert len(traces) == 1
    text = traces[0].read_text()
    assert "ValueError" in text
    assert "SMITH" not in text


def chained() -> None:
    try:
        raise KeyError("secret")
    except KeyError as inner:
        raise RuntimeError("secret") from inner


def test_a_scrubbed_trace_follows_the_chain_of_errors() -> None:
    with pytest.raises(RuntimeError) as caught:
        chained()
    text = scrubbed(caught.value)
    assert record(caught.value, "default").code.startswith("crash-")
    assert "RuntimeError" in text
    assert "KeyError" in text
    assert "secret" not in text


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(frame, "_dispatch", stop)
    assert frame.run(["worklist"]) == 130


def test_a_full_disk_has_its_own_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(frame, "_dispatch", full)
    assert frame.run(["worklist"]) == 1
    assert "disk is full" in capsys.readouterr().err


def test_no_control_byte_leaves_by_any_stream() -> None:
    out, err = io.StringIO(), io.StringIO()
    hostile = "\x1b]52;c;x\x07\x9b31m\u202eabc"
    said = Output(stdout=out, stderr=err)
    said.say(hostile)
    said.note(hostile)
    said.table(("HEAD",), [(hostile,)])
    said.error(AttentionError(hostile, hostile, hostile))
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(out.getvalue() + err.getvalue())
    assert "abc" in out.getvalue()


def test_json_is_one_line_with_its_schema_and_words_go_beside_it() -> None:
    out, err = io.StringIO(), io.StringIO()
    said = Output(json_mode=True, stdout=out, stderr=err)
    said.document("thing", {"text": "two\nlines"})
    said.say("words")
    said.table(("HEAD",), [("row",)])
    assert json.loads(out.getvalue()) == {"schema": "teleread.thing/1", "text": "two\nlines"}
    assert out.getvalue().count("\n") == 1
    assert err.getvalue() == "words\n"


def test_quiet_says_nothing_but_errors() -> None:
    out, err = io.StringIO(), io.StringIO()
    said = Output(quiet=True, stdout=out, stderr=err)
    said.say("words")
    said.note("words")
    said.error(UsageError("Wrong."))
    assert out.getvalue() == ""
    assert err.getvalue() == "Wrong.\n"


def test_help_lists_every_command_and_refuses_unknown_pages(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(["help"]) == 0
    text = capsys.readouterr().out
    for noun in frame.NOUNS:
        assert f"teleread {noun}" in text
    assert frame.run(["help", "nonsense"]) == 2
