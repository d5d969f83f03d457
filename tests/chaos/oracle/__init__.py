"""The judge of a run (docs: the oracle O1–O10): from the facts that a run leaves behind to what is wrong with them.

`judge(await gather(system, records=records, faults=faults))` is empty when all holds. No rule trusts that another one
holds: a log with a hole in it, or a view that nobody can read, is told as a violation and never ends the judgement.
"""

from collections.abc import Callable, Iterator, Mapping

from tests.chaos.oracle.at_rest import o9_everything_is_at_rest
from tests.chaos.oracle.commands import o1_what_was_answered_is_in_the_log, o8_positions_follow_real_time
from tests.chaos.oracle.facts import Facts, Finding, Violation
from tests.chaos.oracle.log import o2_the_log_has_no_hole
from tests.chaos.oracle.money import o5_the_books_agree
from tests.chaos.oracle.reads import o7_reads_never_go_back
from tests.chaos.oracle.stock import o4_stock_is_never_oversold
from tests.chaos.oracle.sums import o6_statistics_are_sums_of_orders
from tests.chaos.oracle.views import o3_views_are_folds_of_the_log
from tests.chaos.oracle.weather import o10_answers_come_in_time

RULES: Mapping[str, Callable[[Facts], Iterator[Finding]]] = {
    "O1": o1_what_was_answered_is_in_the_log,
    "O2": o2_the_log_has_no_hole,
    "O3": o3_views_are_folds_of_the_log,
    "O4": o4_stock_is_never_oversold,
    "O5": o5_the_books_agree,
    "O6": o6_statistics_are_sums_of_orders,
    "O7": o7_reads_never_go_back,
    "O8": o8_positions_follow_real_time,
    "O9": o9_everything_is_at_rest,
    "O10": o10_answers_come_in_time,
}


def judge(facts: Facts) -> list[Violation]:
    """Every violation of every rule, in the order of the rules."""
    return [Violation(rule, about, detail) for rule in RULES for about, detail in _findings(rule, facts)]


def _findings(rule: str, facts: Facts) -> Iterator[Finding]:
    try:
        yield from RULES[rule](facts)
    except Exception as error:  # noqa: BLE001 - facts that nobody can read are wrong, and the other rules are asked, too
        yield "facts", f"they cannot be judged any further: {type(error).__name__}: {error}"
