"""Every command explains itself, quickly; misuse exits with 2; the reference page is current."""

from __future__ import annotations

import pytest
from command_line import longtail
from processes import run_python

from longtail.cli import COMMANDS
from longtail.cli_reference import PAGE, reference_page

GROUPS = {
    "data": ["describe", "split", "synth", "validate"],
    "index": [
        "add",
        "build",
        "compact",
        "info",
        "refresh",
        "remove",
        "rollback",
        "update",
        "verify",
    ],
}
EVERY = [[], *([name] for name in COMMANDS)]
EVERY += [[group, name] for group, names in GROUPS.items() for name in names]


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_explains_itself(command: list[str], option: str) -> None:
    done = longtail(*command, option)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(" ".join(["Usage: longtail", *command]))


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_every_option_says_what_it_is_for(command: list[str]) -> None:
    import click

    from longtail.cli import cli

    found: click.Command = cli
    for name in command:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name) or cli
    options = [p for p in found.params if isinstance(p, click.Option)]
    assert [p.name for p in options if not p.help] == []


def test_help_waits_for_neither_torch_nor_faiss() -> None:
    code = (
        "import sys\nfrom longtail.cli import cli\n"
        "for words in (['-h'], ['train', '-h'], ['query', '-h'], ['index', 'build', '-h']):\n"
        "    cli.main(words, standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = run_python("-c", code)
    assert done.code == 0, done.err
    assert not {"torch", "transformers", "faiss", "pyarrow.dataset"} & set(done.err.split())


def test_the_command_line_knows_every_mode() -> None:
    from longtail.commands.options import MODES
    from longtail.retrieval.ranking.rerank.rerank import MODES as OF_THE_ENGINE

    assert MODES == OF_THE_ENGINE


def test_the_version_is_printed() -> None:
    assert longtail("--version").out.startswith("longtail, version ")


def test_the_reference_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference_page(), (
        "docs/cli.md is out of date: run `python -m longtail.cli_reference`"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-command"], "No such command 'no-such-command'"),
        (["query", "run", "--nonsense"], "No such option"),
        (["query", "run"], "give one of --user, --history and --text"),
        (["query", "run", "--user", "u", "--text", "t"], "give one of --user, --history"),
        (["query", "run", "--text", "  "], "--text is empty"),
        (["query", "run", "--text", "caf\udce9"], "--text is not UTF-8"),
        (["query", "run", "--user", "u", "-k", "0"], "0 is not in the range x>=1"),
        (["query", "run", "--user", "u", "-k", "many"], "'many' is not a valid integer"),
        (["query", "run", "--user", "u", "--pool", "nonsense"], "'nonsense' is not one of"),
        (["query", "run", "--user", "u", "--debias", "1.5"], "1.5 is not in the range"),
        (["query", "run", "--user", "u", "--debias-mode", "odd"], "'odd' is not one of 'fixed'"),
        (["query", "run", "--user", "u", "--diversity", "-1"], "-1.0 is not in the range"),
        (["query", "run", "--text", "t", "--diversity", "0.5"], "--text has no history"),
        (["query", "run", "--text", "t", "--debias-mode", "profile"], "--text has no history"),
        (["recommend", "run", "--all", "--out", "o", "--diversity", "2"], "2.0 is not in the"),
        (["query", "run", "--user", "u", "--format", "xml"], "'xml' is not one of"),
        (["similar", "run"], "Missing option '--item'"),
        (["similar", "run", "--item", "a", "-k", "0"], "0 is not in the range x>=1"),
        (["recommend", "run", "--out", "o"], "give one of --users, --all and --histories"),
        (["recommend", "run", "--all"], "Missing option '--out'"),
        (["recommend", "run", "--all", "--out", "."], "is a directory"),
        (["evaluate", "run", "-k", "0"], "holds a number below 1"),
        (["evaluate", "run", "-k", "10,"], "is not a list of whole numbers"),
        (["evaluate", "run", "--pool", "all,nonsense"], "'nonsense' is not one of all, tail"),
        (["evaluate", "run", "--baselines", "nonsense"], "'nonsense' is not one of popularity"),
        (["evaluate", "run", "--examples", "-1"], "-1 is not in the range"),
        (["train", "--out", "run"], "name a FOLDER, or --catalog and, where there is a log"),
        (["train", "."], "Missing option '--out'"),
        (["train", ".", "--config", ".", "--out", "run"], "is a directory"),
        (["train", "no-such-folder", "--out", "run"], "does not exist"),
        (["data", "synth", "shop", "--items", "5"], "5 is not in the range"),
        (["index", "build"], "Missing argument 'RUN'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_misuse_exits_with_2_and_says_why(arguments: list[str], message: str) -> None:
    done = longtail(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


@pytest.mark.parametrize("command", [[], ["data"], ["index"]], ids=" ".join)
def test_a_command_that_needs_another_word_shows_its_help(command: list[str]) -> None:
    done = longtail(*command)
    assert done.code == 2
    assert "Commands:" in done.err + done.out
