"""`teleread help`: the manual."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call
from teleread.model.errors import UsageError
from teleread.model.text import clean

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("topic", nargs="?", metavar="TOPIC")


def run(call: Call) -> int:
    """Print a topic, a command's own help, or the overview."""
    from teleread.cli.main import NOUNS
    from teleread.workstation.tables import manual_page, manual_topics

    topic = call.args.topic
    topics = manual_topics()
    if topic is None:
        text = _overview(NOUNS, topics)
    elif topic in topics:
        text = manual_page(topic)
    elif topic in NOUNS:
        text = _command(topic)
    else:
        raise UsageError(
            f"The manual has no page “{clean(topic, limit=40)}”.",
            remedy="Pages: " + ", ".join([*topics, *NOUNS]) + ".",
            code="no-topic",
        )
    call.out.document("help", {"topic": topic or "overview", "text": text, "topics": [*topics, *NOUNS]})
    if not call.out.json_mode:
        call.out.say(text)
    return 0


def _overview(nouns: dict[str, tuple[str, str]], topics: tuple[str, ...]) -> str:
    width = max(len(noun) for noun in nouns)
    lines = [
        "teleread: a reporting workstation for the terminal.",
        "",
        "teleread",
        "    the reading desk itself",
        "",
    ]
    lines += [f"teleread {noun.ljust(width)}  {text}" for noun, (_, text) in nouns.items()]
    lines += [
        "",
        "Everywhere: --profile NAME, --json, --offline, --quiet.",
        "teleread help TOPIC reads: " + ", ".join(topics) + ".",
    ]
    return "\n".join(lines)


def _command(noun: str) -> str:
    import importlib

    from teleread.cli.call import Parser
    from teleread.cli.main import NOUNS

    module, text = NOUNS[noun]
    parser = Parser(prog=f"teleread {noun}", description=text[0].upper() + text[1:] + ".")
    importlib.import_module(f"teleread.cli.{module}").arguments(parser)
    return parser.format_help().rstrip()
