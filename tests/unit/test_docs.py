"""Documentation that cannot rot: every command and option is explained, the page is current."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from netspring_provision.cli import VERBS, reference

DOCS = Path(__file__).parents[2] / "docs"
CONTEXTS = reference.contexts()


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda c: c.command_path.replace(" ", "-"))
def test_every_command_and_option_is_explained(context: click.Context) -> None:
    assert (context.command.help or "").strip(), f"{context.command_path} has no help"
    dumb = [
        parameter.opts[0]
        for parameter in context.command.get_params(context)
        if isinstance(parameter, click.Option) and not (parameter.help or "").strip()
    ]
    assert dumb == []


def test_the_page_is_current() -> None:
    assert (DOCS / "cli.md").read_text() == reference.markdown(), "write it again: make docs"


def test_the_page_names_every_verb() -> None:
    page = (DOCS / "cli.md").read_text()
    assert [verb for verb in VERBS if f"\n## netspring {verb}\n" not in page] == []


def test_check_tells_a_stale_page(tmp_path: Path) -> None:
    page = tmp_path / "cli.md"
    runner = CliRunner()
    stale = runner.invoke(reference.main, [str(page), "--check"])
    assert stale.exit_code == 1
    assert "make docs" in stale.output
    assert not page.exists()
    assert runner.invoke(reference.main, [str(page)]).exit_code == 0
    assert runner.invoke(reference.main, [str(page), "--check"]).exit_code == 0
    page.write_text(page.read_text() + "by hand\n")
    assert runner.invoke(reference.main, [str(page), "--check"]).exit_code == 1


def test_every_decision_is_in_the_index() -> None:
    decisions = DOCS / "decisions"
    index = (decisions / "README.md").read_text()
    pages = sorted(path.name for path in decisions.glob("[0-9]*.md"))
    assert pages
    assert [page for page in pages if f"({page})" not in index] == []
    for page in pages:
        text = (decisions / page).read_text()
        for part in ("Context", "Choice", "Cost"):
            assert part in text, f"{page} lacks {part}"
