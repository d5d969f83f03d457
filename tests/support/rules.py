"""Rules tested as sentences: `given(facts).when(command).then(facts)`, `.rejects(code)`, `.stays_quiet()`."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from command_service.domain.decider import Context, Decider
from common.access.actors import ANYBODY, Actor
from common.errors import Refusal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUBJECT = "0198f3b4-1111-7000-8000-000000000000"
PRODUCT = "456"
SUBJECTS = {"product_id": PRODUCT}  # by the decider's id_field


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    decider: Decider[Any, Any, Any]
    facts: tuple[Any, ...] = ()
    known_streams: frozenset[str] = frozenset()
    command: Any = None
    actor: Actor = ANYBODY

    def knowing(self, *streams: str) -> "Case":
        return replace(self, known_streams=frozenset(streams))

    def when(self, command: Any, *, by: Actor = ANYBODY) -> "Case":
        return replace(self, command=command, actor=by)

    def then(self, *facts: Any) -> None:
        assert self._decided() == facts

    def stays_quiet(self) -> None:
        assert self._decided() == ()

    def rejects(self, code: str) -> None:
        with pytest.raises(Refusal) as refusal:
            self._decided()
        assert refusal.value.code == code

    def _decided(self) -> tuple[Any, ...]:
        state = self.decider.initial
        for fact in self.facts:
            state = self.decider.evolve(state, fact)
        subject = SUBJECTS.get(self.decider.id_field, SUBJECT)
        context = Context(subject=subject, now=NOW, actor=self.actor, known_streams=self.known_streams)
        return self.decider.decide(self.command, state, context)


def given(decider: Decider[Any, Any, Any], *facts: Any) -> Case:
    return Case(decider=decider, facts=facts)
