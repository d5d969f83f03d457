"""The import rules of the house, and the sizes it keeps to; a rule that is broken on purpose stands in a list here."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.syntax import syntax_of

ROOT = Path(__file__).parents[2]
SERVICES = ("command_service", "projector", "query_service", "gateway", "payments", "monitor")
PRODUCT = ("common", *SERVICES, "stack", "cli", "bench", "examples")
MAY_IMPORT: dict[str, frozenset[str]] = {
    "common": frozenset({"common"}),
    **{service: frozenset({"common", service}) for service in SERVICES},
    "stack": frozenset({"stack", "common"}),
    "cli": frozenset({"cli", "stack", "common", *SERVICES}),
    "bench": frozenset({"bench", *SERVICES, "stack", "cli", "common"}),
    "examples": frozenset({"common"}),  # and nobody imports them
}
PURE = (
    "common/events",
    "common/read_models",
    "common/values.py",
    "common/postal.py",
    "common/product_values.py",
    "common/errors.py",
    "common/problems",
    "common/access/actors.py",
    "common/access/policies.py",
    "common/envelope.py",
    "common/chain.py",
    "common/codec.py",
    "common/upcasting.py",
    "common/consistency.py",
    "common/inbox.py",
    "common/partition_state.py",
    "command_service/domain",
    "command_service/sagas/folding.py",
    "command_service/sagas/shapes.py",
    "docs/examples/few_left.py",
    "payments/charges.py",
    *(f"monitor/{name}.py" for name in ("alerts", "numbers", "percentiles", "sample", "sampling")),
    *(f"monitor/{name}.py" for name in ("scrape", "shown", "stages")),
)
SAGAS = "command_service/sagas/table.py"
"""What it imports of its folder is pure, too."""
PURE_LIBRARIES = frozenset({"immutables", "iso3166", "iso4217", "msgspec", "orjson", "pydantic"})
PURE_STANDARD = frozenset(
    {"base64", "binascii", "collections", "dataclasses", "datetime", "enum", "functools", "hashlib", "heapq"}
    | {"itertools", "math", "re", "typing", "unicodedata", "uuid"}
)
LIBRARY = ("common.broker", "common.codec", "common.envelope", "common.errors", "common.events")
"""What others may build on."""
DEMO_LIBRARIES = frozenset({"aiohttp"})

MOST_FUNCTION_LINES = 40
MOST_FILE_LINES = 300
AGREED_LONG_FUNCTIONS = frozenset(  # their options are their parameters
    {"cli/imports/command.py:import_file", "cli/events/republish.py:republish_events"}
)
AGREED_LONG_FILES = frozenset({"demo_cqrs.py"})  # one file on purpose: it is shown and copied alone

MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+|mnt)/\w")
REGISTRIES = re.compile(r"https?://[^\s\"'`)]*(?:pypi|pythonhosted|registry|mirror|artifactory|nexus|index)[^\s\"'`)]*")
AGREED_ADDRESSES = ("https://pypi.org/project/",)  # a page for people, not where packages come from
TEXTS = frozenset({".py", ".toml", ".md", ".sh", ".yml", ".yaml", ".json", ".lock", ".txt", ".cfg", ""})


@dataclass(frozen=True, slots=True)
class Import:
    file: str
    line: int
    module: str

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def python_files(*places: str) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports_of(path: Path) -> Iterator[Import]:
    """Every import, wherever in the file it stands."""
    for node in ast.walk(syntax_of(path)):
        match node:
            case ast.Import():
                yield from (Import(name_of(path), node.lineno, alias.name) for alias in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield Import(name_of(path), node.lineno, module)
                yield from (Import(name_of(path), node.lineno, f"{module}.{alias.name}") for alias in node.names)
            case ast.ImportFrom():
                raise AssertionError(f"{name_of(path)}:{node.lineno} has a relative import")


def ours(module: str) -> bool:
    return module.partition(".")[0] in (*PRODUCT, "tests", "demo_cqrs")


def show(found: list[Import]) -> str:
    return "\n".join(map(str, found))


@pytest.mark.parametrize("package", PRODUCT)
def test_a_package_imports_only_what_its_row_allows(package: str) -> None:
    wrong = [i for path in python_files(package) for i in imports_of(path) if ours(i.module)]
    wrong = [i for i in wrong if i.top not in MAY_IMPORT[package]]
    assert not wrong, show(wrong)


def test_examples_use_only_what_others_may_build_on() -> None:
    wrong = [i for path in python_files("examples") for i in imports_of(path) if ours(i.module)]
    wrong = [i for i in wrong if not i.module.startswith(LIBRARY) or "._" in i.module]
    assert not wrong, show(wrong)


def pure_files() -> list[Path]:
    """Those that are named, and those of the sagas in their table."""
    folder = SAGAS.rpartition("/")[0]
    named = {i.module.replace(".", "/") for i in imports_of(ROOT / SAGAS)}
    names = sorted(name for name in named if name.rpartition("/")[0] == folder)
    return list(python_files(*PURE, *(name if (ROOT / name).is_dir() else f"{name}.py" for name in names)))


def test_the_sagas_are_pure_files() -> None:
    pure = {name_of(path) for path in pure_files()}
    assert {"command_service/sagas/product_onboarding.py", "command_service/sagas/order_fulfilment/plan.py"} <= pure


def pure_modules() -> set[str]:
    """The modules of the pure files, and the packages they make up."""
    modules = {name_of(path).removesuffix(".py").replace("/", ".") for path in pure_files()}
    return modules | {module.removesuffix(".__init__") for module in modules}


def test_pure_files_import_only_pure_files_and_an_allow_list() -> None:
    pure = pure_modules()
    wrong = []
    for path in pure_files():
        for found in imports_of(path):
            is_pure = found.module in pure or found.module.rpartition(".")[0] in pure
            is_allowed = found.top in PURE_LIBRARIES | PURE_STANDARD
            if not (is_pure if ours(found.module) else is_allowed):
                wrong.append(found)
    assert not wrong, show(wrong)


def test_pure_files_ask_neither_the_clock_nor_chance_nor_the_environment() -> None:
    asked = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
    asked |= {("uuid", "uuid4"), ("uuid", "uuid1"), ("os", "environ")}
    wrong = []
    for path in pure_files():
        for node in ast.walk(syntax_of(path)):
            match node:
                case ast.Attribute(value=ast.Name(id=owner), attr=attribute) if (owner, attribute) in asked:
                    wrong.append(f"{name_of(path)}:{node.lineno} {owner}.{attribute}")
                case ast.Name(id="uuid4" | "uuid1" | "uuid7" as called):
                    wrong.append(f"{name_of(path)}:{node.lineno} {called}")
                case ast.AsyncFunctionDef() | ast.Await():
                    wrong.append(f"{name_of(path)}:{node.lineno} awaits")
    assert not wrong, "\n".join(wrong)


CONTEXT_FOLDERS = ("command_service/domain", "common/events", "query_service/queries")
SHARED_IN_FOLDER = frozenset({"__init__", "decider", "product_rules"})
PARTS = {
    **{
        f"order_{part}": "orders"
        for part in (
            *("commands", "items", "moves", "payment", "refund", "state", "status"),
            *("audit", "filters", "lists", "plans", "search"),
        )
    },
    **{f"inventory_{part}": "inventory" for part in ("commands", "state")},
    **dict.fromkeys(("cancellations", "customers", "revenue"), "statistics"),
}
"""Files of a context that has many."""


@pytest.mark.parametrize("folder", CONTEXT_FOLDERS)
def test_contexts_never_import_each_other(folder: str) -> None:
    package = folder.replace("/", ".")
    wrong = []
    for path in python_files(folder):
        for found in imports_of(path):
            sibling = found.module.removeprefix(package + ".").partition(".")[0]
            is_sibling = found.module.startswith(package + ".") and (ROOT / folder / f"{sibling}.py").exists()
            is_same = PARTS.get(path.stem, path.stem) == PARTS.get(sibling, sibling)
            if is_sibling and path.stem != "__init__" and not is_same and sibling not in SHARED_IN_FOLDER:
                wrong.append(found)
    assert not wrong, show(wrong)


def test_a_rule_of_one_context_knows_only_the_events_of_its_own() -> None:
    wrong = []
    for path in python_files("command_service/domain"):
        for found in imports_of(path):
            context = found.module.removeprefix("common.events.").partition(".")[0]
            is_event = found.module.startswith("common.events.") and (ROOT / f"common/events/{context}.py").exists()
            if is_event and context != PARTS.get(path.stem, path.stem):
                wrong.append(found)
    assert not wrong, show(wrong)


def test_the_naive_oracle_imports_nothing_of_ours() -> None:
    found = [i for path in python_files("tests/support/naive") for i in imports_of(path)]
    wrong = [i for i in found if ours(i.module) and not i.module.startswith("tests.support.naive")]
    assert not wrong, show(wrong)


def test_the_demo_imports_only_the_standard_library_and_aiohttp() -> None:
    allowed = DEMO_LIBRARIES | sys.stdlib_module_names
    wrong = [i for i in imports_of(ROOT / "demo_cqrs.py") if i.top not in allowed]
    assert not wrong, show(wrong)


def functions_of(path: Path) -> Iterator[tuple[str, int]]:
    """Each function's name and how many lines it has, decorators and docstring included."""
    for node in ast.walk(syntax_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield node.name, (node.end_lineno or node.lineno) - first + 1


EVERYWHERE = (*PRODUCT, "docs/examples", "tests", "demo_cqrs.py")


def test_no_function_is_longer_than_agreed() -> None:
    long = {
        f"{name_of(path)}:{name}": lines
        for path in python_files(*EVERYWHERE)
        for name, lines in functions_of(path)
        if lines > MOST_FUNCTION_LINES
    }
    assert long.keys() <= AGREED_LONG_FUNCTIONS, long


def test_no_file_is_longer_than_agreed() -> None:
    """Of the product; a file of tests is a list of rules."""
    long = {name_of(path): path.read_text().count("\n") for path in python_files(*PRODUCT, "demo_cqrs.py")}
    long = {name: lines for name, lines in long.items() if lines > MOST_FILE_LINES}
    assert long.keys() <= AGREED_LONG_FILES, long


def text_files() -> Iterator[Path]:
    """Every text of the project, whether git knows it yet or not; not what tools made."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        is_hidden = (
            any(part.startswith(".") and part != ".ci" for part in parts)
            or "__pycache__" in parts
            or parts[0] == "build"
        )
        if path.is_file() and not is_hidden and path.suffix in TEXTS and path != Path(__file__):
            yield path


def test_no_file_names_the_paths_of_one_machine() -> None:
    wrong = [
        f"{name_of(path)}:{number} {line.strip()[:100]}"
        for path in text_files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if MACHINE_PATHS.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_file_names_the_address_of_a_package_registry() -> None:
    wrong = [
        f"{name_of(path)}:{number} {found[0]}"
        for path in text_files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        for found in REGISTRIES.finditer(line)
        if not found[0].startswith(AGREED_ADDRESSES)
    ]
    assert not wrong, "\n".join(wrong)
