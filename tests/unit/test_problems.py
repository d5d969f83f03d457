"""The table of problems is whole: every code that is raised is in it, with its statuses, and no other."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_service.domain.order_status import OVER
from command_service.messages.replying import STATUSES as BY_MESSAGE
from common import errors
from common.errors import LeveretError, Unavailable
from common.problems import PROBLEMS
from common.problems.problem import slug_of
from common.web import HTTP_CODES, STATUSES, problem_content
from tests.support.syntax import syntax_of

ROOT = Path(__file__).parents[2]
SERVICES = ("common", "command_service", "query_service", "gateway", "projector", "payments", "monitor", "stack/lab")
KINDS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, LeveretError)}
FIXED = {
    "InvalidBody": "invalid_body",
    "Unavailable": "unavailable",
    "TooManyRequests": "too_many_requests",
    "ProjectionLag": "projection_lag",
}
"""Codes of kinds that need not be told one."""
MADE: dict[str, set[str]] = {
    "command_service/finding.py f'another_{context}'": {"another_payment"},
    "command_service/finding.py f'unknown_{decider.context}'": {"unknown_payment"},
    "command_service/handling.py 'unknown_' + request.decider.context": {"unknown_order", "unknown_payment"},
    "query_service/documents.py f'unknown_{named}'": {"unknown_order", "unknown_product"},
    "query_service/queries/products.py f'invalid_{name}'": {"invalid_category", "invalid_sku", "invalid_status"},
    "payments/app.py f'invalid_{name}'": {"invalid_after", "invalid_limit"},
    "payments/books.py error.code": set(),  # of another error that was counted where it was raised
    "command_service/payment_provider.py str(refused['code'])": set(),  # the provider's own, which sagas hear
}
"""Codes that are put together: where, and which they can be."""
NEVER_ANSWERED = frozenset(
    {
        "no_keys",
        "open_to_everybody",
        "public_message_key",
        "port_taken",
        "no_certificate",
        "bad_mongodb_url",
        "bad_management_url",
        "public_cursor_key",
    }  # they end a process before it serves
    | {"no_target", "our_own", "bad_target"}  # of `cqrs events republish`
    | {
        "replayed",
        "foreign_log",
        "wrong_mac",
        "malformed_message",
        "wrong_partition",
    }  # of events by message: read from the log
)


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Every call in the services: the file, the call, the last word of what is called."""
    for service in SERVICES:
        for path in sorted((ROOT / service).rglob("*.py")):
            for node in ast.walk(syntax_of(path)):
                match node:
                    case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                        yield path.relative_to(ROOT).as_posix(), node, name


def raised() -> dict[str, set[int]]:
    """Code → the statuses that it is answered with."""
    found: dict[str, set[int]] = defaultdict(set)
    for code, status in [("http_error", 400), *((code, status) for status, code in HTTP_CODES.items())]:
        found[code].add(status)
    for file, call, name in calls():
        if name in KINDS:
            for code in codes_of(file, call, name):
                found[code].add(BY_MESSAGE.get(code) or status_of(KINDS[name]))
        elif name == "problem":
            match call.args:
                case [_, status, ast.Constant(value=str(code)), *_]:
                    found[code] |= {status.value} if isinstance(status, ast.Constant) else set(PROBLEMS[code].statuses)
    return found


def codes_of(file: str, call: ast.Call, name: str) -> set[str]:
    named = {word.arg: word.value for word in call.keywords}
    places = [] if name in FIXED else call.args[:1]
    given = named.get("code") or next(iter(places), None)
    if given is None:
        return {FIXED[name]}
    if isinstance(given, ast.Constant):
        return {str(given.value)}
    if file == "command_service/domain/order_status.py":
        return {*OVER.values(), *otherwise()}
    where = f"{file} {ast.unparse(given)}"
    assert where in MADE, f"{where}: say in MADE which codes these can be"
    return MADE[where]


def otherwise() -> Iterator[str]:
    """What `refusal` is told to say while an order is on its way."""
    yield "order_not_pending"
    for _, call, name in calls():
        if name == "refusal":
            for word in call.keywords:
                yield from (part.value for part in ast.walk(word.value) if _is_code(part))


def _is_code(part: ast.AST) -> bool:
    return isinstance(part, ast.Constant) and isinstance(part.value, str)


def status_of(kind: type[LeveretError]) -> int:
    return next((status for known, status in STATUSES.items() if issubclass(kind, known)), 500)


def test_every_code_that_is_raised_is_in_the_table() -> None:
    missing = raised().keys() - PROBLEMS.keys() - NEVER_ANSWERED
    assert not missing, f"add them to common/problems: {missing}"


def test_the_table_has_no_code_that_nobody_raises() -> None:
    unused = PROBLEMS.keys() - raised().keys()
    assert not unused, f"take them out of common/problems: {unused}"


def test_the_table_has_the_statuses_that_codes_are_answered_with() -> None:
    told = raised()
    wrong = {code: told[code] for code in told.keys() & PROBLEMS.keys() if told[code] != {*PROBLEMS[code].statuses}}
    assert not wrong, f"answered with, and not so in common/problems: {wrong}"


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_problem_says_in_sentences_what_happened_and_what_to_do(code: str) -> None:
    problem = PROBLEMS[code]
    assert problem.title[0].isupper()
    assert not problem.title.endswith(".")
    assert problem.remedy.endswith(".")
    assert slug_of(code).replace("-", "_") == code


def test_an_answer_has_the_title_of_its_type() -> None:
    refusal = Unavailable("The log is away.")
    content = problem_content(503, refusal.code, refusal.detail, "a" * 32)
    assert content["type"] == "/problems/unavailable"
    assert content["title"] == PROBLEMS["unavailable"].title
