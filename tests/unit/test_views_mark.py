"""The mark by which an answer's ETag tells from which views it is."""

from common.generations import mark_of

SHOWN = {"orders": {"generation": 1, "rules": 2}, "inventory": {"generation": 1, "rules": 1}}


def test_the_mark_is_another_one_for_other_views_generations_and_rules() -> None:
    others = [
        mark_of(SHOWN, "b"),
        mark_of(SHOWN | {"orders": {"generation": 2, "rules": 2}}, "a"),
        mark_of(SHOWN | {"orders": {"generation": 1, "rules": 3}}, "a"),
        mark_of({}, "a"),
    ]
    assert len({mark_of(SHOWN, "a"), *others}) == 5


def test_the_mark_does_not_depend_on_the_order_in_which_it_is_read() -> None:
    assert mark_of(dict(reversed(SHOWN.items())), "a") == mark_of(SHOWN, "a")
