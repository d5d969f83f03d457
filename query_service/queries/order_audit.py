"""An order's audit trail: every commit of its stream, with who, when and why, as the log has it."""

from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.errors import NotFound
from common.log import read_commits
from common.paging import invalid_cursor, page, read_cursor, read_limit, write_cursor
from query_service.answers import Answer, order_id_of
from query_service.commits import show_commit


async def audit_of_order(http: web.Request, log: AsyncDatabase) -> Answer:
    """In the order of the versions. It is read from the log: what the views do not show yet is there too."""
    order_id, limit = order_id_of(http), read_limit(http.query)
    whose, after = read_cursor(http.query, (str, int)) or [order_id, 0]
    if whose != order_id or not 0 <= after < 2**31:
        raise invalid_cursor()
    commits = await read_commits(log, f"order-{order_id}", after, limit_commits=limit + 1)
    if not commits and not after:
        raise NotFound("unknown_order", f"There is no order {order_id}.")
    shown = [show_commit(commit) for commit in commits[:limit]]
    return Answer(page(shown, write_cursor([order_id, shown[-1]["version"]]) if len(commits) > limit else None))
