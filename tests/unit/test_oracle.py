"""The judge of the long runs finds nothing in a run that went well, counts it, and is asked about facts of any kind."""

from dataclasses import replace

from tests.chaos.oracle import RULES, judge
from tests.chaos.oracle.facts import Facts
from tests.chaos.oracle.tally import Tally, count
from tests.support.planting import append, charge_of, commits_with, data_of, last, planted, truth, without


def test_a_run_that_went_well_has_no_violations() -> None:
    assert judge(truth()) == []


def test_a_run_that_went_well_is_counted() -> None:
    assert count(truth()) == Tally(
        commands=24, ok=20, fail=1, info=3, tries=26, reads=22, commits=61, lost=0, doubled=0, waiting=3
    )


def test_a_run_without_sagas_is_judged_by_its_log_and_views() -> None:
    assert judge(replace(truth(), sagas=None, books=None, statistics=None)) == []


def test_what_was_acknowledged_and_is_not_there_counts_as_lost() -> None:
    assert count(planted(lambda facts: without(last(facts, "OrderCancelled"), facts))).lost == 1


def test_a_command_that_is_there_twice_counts_as_doubled() -> None:
    def write_twice(facts: Facts) -> Facts:
        first_one = commits_with(facts, "InventoryUpdated")[0]
        return append(facts, first_one, command_id=first_one["command_id"])

    assert count(planted(write_twice)).doubled == 1


def test_an_effect_that_is_there_twice_counts_as_doubled() -> None:
    assert count(planted(lambda facts: charge_of(facts, 1, 0).update(captured_count=2))).doubled == 1


def test_facts_that_nobody_can_read_are_violations_and_end_no_judgement() -> None:
    def spoil(facts: Facts) -> None:
        data_of(last(facts, "StockReserved")).clear()
        data_of(last(facts, "OrderImported"))["unheard_of"] = 1

    rules = {violation.rule for violation in judge(planted(spoil))}
    assert {"O3", "O4", "O9"} <= rules


def test_every_rule_is_called_by_its_number() -> None:
    assert all(rule.__name__.startswith(f"{number.lower()}_") for number, rule in RULES.items())
