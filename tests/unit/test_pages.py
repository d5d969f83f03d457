"""The pages of the documentation: links lead somewhere, commands and targets that they name are there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.__main__ import application
from tests.support import cli_reference
from tests.support.pages import blocks_of
from tests.support.system import ROOT

PAGES = tuple(
    sorted(
        path for pattern in ("*.md", "docs/*.md", "docs/adr/*.md", "bench/results/*.md") for path in ROOT.glob(pattern)
    )
)
COMMANDS = dict(cli_reference.all_commands())
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_MAKE = re.compile(r"(?:^|[`;])(?:\$ )?make ([a-z-]+)", re.MULTILINE)
_CQRS = re.compile(r"(?:^|[`/ (=])cqrs ((?:[^\s`|;)#]+[ ]?)+)", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_GONE = {("CHANGELOG.md", "views"), ("docs/adr/0022-a-generation-is-built-beside-what-is-shown.md", "views")}
"""What pages tell of that is no more."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors_of(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    titles = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE), re.M
    )
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in titles)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_section_that_are_there(page: Path) -> None:
    without_code = _CODE.sub("", page.read_text())
    wrong = []
    for link in _LINK.findall(without_code):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        is_wrong = not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target))
        if "://" not in link and is_wrong:
            wrong.append(link)
    assert not wrong


def code_in(page: Path) -> str:
    return "\n".join(found[0] for found in _CODE.finditer(page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_that_is_named_is_there(page: Path) -> None:
    assert set(_MAKE.findall(code_in(page))) <= TARGETS


def said_of_cqrs(page: Path) -> Iterator[tuple[str, str, set[str]]]:
    """What follows `cqrs`, the command that it names, and its options."""
    for said in _CQRS.findall(code_in(page)):
        words = said.split()
        name = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in COMMANDS), "")
        yield said, name, {word.partition("=")[0].strip("[],.") for word in words if word.startswith("--")}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_cqrs_command_and_option_that_is_named_is_there(page: Path) -> None:
    wrong = []
    groups = application().commands.keys()
    for said, name, options in said_of_cqrs(page):
        first = said.split()[0].strip(",.")
        if name:
            there = {opt for each in COMMANDS[name].params for opt in (*each.opts, *each.secondary_opts)} | {"--help"}
            wrong += [said] if not options <= there else []
        elif first.isalpha() and first.islower() and first not in groups and (name_of(page), first) not in _GONE:
            wrong.append(said)
    assert not wrong


def test_the_reference_of_commands_is_what_the_commands_tell() -> None:
    assert cli_reference.PAGE.read_text() == cli_reference.make_page(), "run python -m tests.support.cli_reference"


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs/README.md"
    named = set(re.findall(r"\]\(([\w-]+\.md)", index.read_text()))
    assert named == {page.name for page in (ROOT / "docs").glob("*.md")} - {index.name}


def test_the_first_page_is_short() -> None:
    assert (ROOT / "README.md").read_text().count("\n") <= 200


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == ROOT / "docs"], ids=name_of)
def test_code_says_its_language(page: Path) -> None:
    """A block without one is a picture, or what was printed: its commands would be looked at by nobody."""
    assert not [block.name for block in blocks_of(page) if not block.language and block.text.startswith(("$", "cqrs"))]
