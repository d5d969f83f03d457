"""`cqrs events republish`: tells a range of the log again to other teams."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from cli.data import find_broker, open_events
from cli.events.ranges import FirstMoment, FirstPosition, LastMoment, LastPosition, Wish
from cli.events.republish_display import Course, as_json, how_to_go_on, showing, verdict
from cli.options import Data
from common.envelope import Seal
from common.errors import LeveretError, Unavailable
from common.log import MongoLog, open_log_as_it_is
from common.republishing import NotTaken, count, republish
from common.republishing_target import Target, open_outlet
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER

EXIT_INTERRUPTED = 130


def republish_events(
    *,
    to_queue: Annotated[str | None, typer.Option(metavar="NAME", help="A queue of yours.")] = None,
    to_exchange: Annotated[str | None, typer.Option(metavar="NAME", help="An exchange of yours, instead.")] = None,
    declare: Annotated[bool, typer.Option("--declare", help="Make it, durable, where it is not there.")] = False,
    from_position: FirstPosition = None,
    from_time: FirstMoment = None,
    to_position: LastPosition = None,
    to_time: LastMoment = None,
    stream: Annotated[str | None, typer.Option(help="Only of this one, like order-57410cad-….")] = None,
    event_type: Annotated[list[str] | None, typer.Option("--type", help="Only such events; repeatable.")] = None,
    rate: Annotated[float, typer.Option(min=0, help="Events a second; 0 is as fast as it goes.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only; nothing is sent or made.")] = False,
    json_wanted: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Send a range of the log's events again, in order, to a queue or an exchange of another team.

    The messages are those of the relay with one more header, replay: true.
    Nobody of this system acts on them. Both ends of the range belong to it;
    a time stands for the commits recorded from then, or until then.

    Exit code 1 when an event was not taken; it says where to go on.
    """
    if (to_queue is None) == (to_exchange is None):
        raise typer.BadParameter("name --to-queue or --to-exchange")
    target = _target(to_queue or to_exchange or "", is_queue=to_queue is not None)
    wish = Wish(
        from_position=from_position,
        from_time=from_time,
        to_position=to_position,
        to_time=to_time,
        stream=stream,
        types=frozenset(event_type or ()),
    )
    job = _Job(data, target, wish, rate=rate, may_declare=declare, is_dry=dry_run)
    try:
        uvloop.run(job.do())
    except KeyboardInterrupt:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"interrupted; {job.how_to_go_on()}")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    finally:
        if json_wanted and job.course:
            typer.echo(as_json(job.course))
    if job.course and not json_wanted:
        typer.echo(verdict(job.course))


def _target(name: str, *, is_queue: bool) -> Target:
    try:
        return Target(name, is_queue=is_queue)
    except LeveretError as error:
        raise StackError(error.detail) from error


@dataclass(slots=True)
class _Job:
    """`course` is there as soon as the log has said what the wish means."""

    data: Path
    target: Target
    wish: Wish
    rate: float
    may_declare: bool
    is_dry: bool
    course: Course | None = None

    def how_to_go_on(self) -> str:
        return how_to_go_on(self.course) if self.course else "nothing was sent"

    async def do(self) -> None:
        async with open_events(self.data) as database:
            log = await open_log_as_it_is(database)
            if log is None:
                raise StackError("there is no log here yet; the first command service makes it")
            selection = await self.wish.selection(log)
            self.course = Course(where=str(self.target), selection=selection, is_dry=self.is_dry)
            async with showing(self.course):
                await (count(log, selection, self.course.tally) if self.is_dry else self._send(log, self.course))

    async def _send(self, log: MongoLog, course: Course) -> None:
        url, key = find_broker(self.data)
        logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # what it would say is said in a sentence
        try:
            async with open_outlet(url, self.target, may_declare=self.may_declare) as outlet:
                seal = Seal(key, log.info.id)
                await republish(log, course.selection, outlet, course.tally, seal=seal, rate=self.rate)
        except NotTaken as error:
            raise StackError(f"{error}; {self.how_to_go_on()}") from error
        except Unavailable as error:
            raise StackError(f"{error.detail.rstrip('.')}; {self.how_to_go_on()}") from error
        except LeveretError as error:
            raise StackError(error.detail) from error
