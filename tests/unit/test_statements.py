"""What a batch sends to MongoDB comes in pieces that a slow server has time for, and nothing of it is lost."""

from collections import Counter
from typing import Any

from common.read_models.shapes import SummaryKey
from common.read_models.users import USER_PRODUCTS
from common.transaction import Guarded
from projector.batch import Change, Changes, Doc
from projector.statements import STATEMENT_DOCUMENTS, STATEMENT_SUMS, document_statements, summary_statements

MANY_DOCUMENTS, MANY_SUMS = 2 * STATEMENT_DOCUMENTS + 1, 2 * STATEMENT_SUMS + 1


def pieces(guarded: list[Guarded], what: str) -> list[list[Any]]:
    return [statement.statement[what] for statement in guarded if what in statement.statement]


def changes_of(before: Doc, after: Doc) -> Changes:
    return Changes(documents={("orders", f"{number:05}"): Change(before, after) for number in range(MANY_DOCUMENTS)})


def test_sums_are_added_to_and_inserted_in_pieces() -> None:
    of = {(SummaryKey(USER_PRODUCTS, (user_id, 1)), 0): {"orders": 1} for user_id in range(2 * MANY_SUMS)}
    is_new = {f"user_products/{user_id}/1" for user_id in range(MANY_SUMS)}
    guarded = list(summary_statements(of, is_new=is_new.__contains__))
    inserted, updated = pieces(guarded, "documents"), pieces(guarded, "updates")
    assert [len(piece) for piece in inserted] == [len(piece) for piece in updated] == [STATEMENT_SUMS] * 2 + [1]
    assert {found["_id"] for piece in inserted for found in piece} == is_new
    assert len({update["q"]["_id"] for piece in updated for update in piece} - is_new) == MANY_SUMS


def test_documents_are_inserted_replaced_and_deleted_in_pieces_that_must_all_be_met() -> None:
    none, one, other = Doc(partition=0), Doc(partition=0, position=1), Doc(partition=0, position=2)
    met = Counter[str]()
    for before, after, what in ((none, one, "documents"), (one, other, "updates"), (one, none, "deletes")):
        guarded = list(document_statements(changes_of(before, after)))
        found = pieces(guarded, what)
        assert [len(piece) for piece in found] == [STATEMENT_DOCUMENTS] * 2 + [1], what
        met[what] = sum(statement.must_match or 0 for statement in guarded)
    assert met == {"documents": 0, "updates": MANY_DOCUMENTS, "deletes": MANY_DOCUMENTS}
