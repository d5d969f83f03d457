"""The ways in which the system says no, each with a stable code for machines and a sentence for people.

LeveretError
├── Refusal                 an answer that writes nothing
│   ├── CommandRejected     a rule of the domain says no
│   ├── NotFound            what the command is about does not exist
│   ├── UnknownReference    what the command mentions does not exist
│   ├── Contradiction       what the command claims is not so
│   ├── Forbidden           who asks may not do this
│   ├── PreconditionFailed  If-Match names another version
│   └── KeyReused           the Idempotency-Key belongs to another body
├── Unauthenticated         nobody knows who asks
├── TooManyRequests         who asks has asked too often
├── BadRequest              the request cannot be understood
├── InvalidBody             the request is understood and not acceptable; lists the fields
├── Unavailable             not now; the same request may be sent again
├── ProjectionLag           the view has not yet reached the consistency token
├── Undecodable             a stored event or a message that this version cannot read
└── ForeignLog              a checkpoint belongs to another log than the one it is used with
"""

import math
from dataclasses import dataclass


class LeveretError(Exception):
    """Base of all errors of ours: `code` is stable, `detail` is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Refusal(LeveretError):
    pass


class CommandRejected(Refusal):
    pass


class NotFound(Refusal):
    pass


class UnknownReference(Refusal):
    pass


class Contradiction(Refusal):
    pass


class Forbidden(Refusal):
    pass


class PreconditionFailed(Refusal):
    pass


class KeyReused(Refusal):
    pass


class Unauthenticated(LeveretError):
    pass


class BadRequest(LeveretError):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong where: `pointer` is a JSON pointer into the body."""

    pointer: str
    detail: str


class InvalidBody(LeveretError):
    def __init__(self, errors: tuple[FieldError, ...], code: str = "invalid_body") -> None:
        super().__init__(code, "The body is not acceptable; `errors` names each field.")
        self.errors = errors


class Unavailable(LeveretError):
    """Nothing can be said about the outcome; the same request with the same key is safe to send again."""

    def __init__(self, detail: str, *, code: str = "unavailable", retry_after_seconds: int = 1) -> None:
        super().__init__(code, detail)
        self.retry_after_seconds = retry_after_seconds


class TooManyRequests(LeveretError):
    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("too_many_requests", "You ask more often than you may; Retry-After says when to go on.")
        self.retry_after_seconds = math.ceil(retry_after_seconds)


class ProjectionLag(Unavailable):
    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="projection_lag")


class Undecodable(LeveretError):
    pass


class ForeignLog(LeveretError):
    pass
