"""A page for every type of problem: what happened, what to do."""

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Any

from aiohttp import web

from common.access.policies import KNOWN_IF_TOLD
from common.access.routes import add_route
from common.errors import NotFound
from common.problems import PROBLEMS
from common.problems.problem import Problem, slug_of
from common.web import json_response

PLACES = ("/problems", "/cqrs/problems")  # the type of a problem is the first; a proxy may pass on /cqrs alone
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Vary": "Accept"}
_STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}code{background:#eee}"


def add_problem_pages(app: web.Application) -> None:
    for place in PLACES:
        add_route(app, "GET", place, _show_all, KNOWN_IF_TOLD)
        add_route(app, "GET", place + "/{slug}", _show_one, KNOWN_IF_TOLD)


async def _show_all(http: web.Request) -> web.Response:
    content = [content_of(code, problem) for code, problem in sorted(PROBLEMS.items())]
    if _wants_json(http):
        return json_response({"data": content}, headers=_HEADERS)
    return _page("Problems", "<ul>" + "".join(map(_line, content)) + "</ul>")


async def _show_one(http: web.Request) -> web.Response:
    code = http.match_info["slug"].replace("-", "_")
    problem = PROBLEMS.get(code)
    if problem is None or slug_of(code) != http.match_info["slug"]:
        raise NotFound("unknown_problem", "No problem has this name; /problems has all there are.")
    content = content_of(code, problem)
    if _wants_json(http):
        return json_response(content, headers=_HEADERS)
    return _page(problem.title, _article(content))


def content_of(code: str, problem: Problem) -> dict[str, Any]:
    return {
        "type": "/problems/" + slug_of(code),
        "code": code,
        "title": problem.title,
        "remedy": problem.remedy,
        "statuses": list(problem.statuses),
    }


def _wants_json(http: web.Request) -> bool:
    """Pages are for people, and for programs that do not say what they want."""
    accepted = http.headers.get("Accept", "")
    return "json" in accepted and "text/html" not in accepted


def _article(content: Mapping[str, Any]) -> str:
    answered = ", ".join(f"{status} {HTTPStatus(status).phrase}" for status in content["statuses"])
    return (
        f"<p>What to do: {escape(content['remedy'])}</p>"
        f"<p>It is answered with the status {escape(answered)} and the code <code>{escape(content['code'])}</code>; "
        "its <code>detail</code> says more of this one time, its <code>trace_id</code> is in the logs.</p>"
        '<p><a href="../problems">All problems</a></p>'
    )


def _line(content: Mapping[str, Any]) -> str:
    slug = slug_of(content["code"])
    statuses = ", ".join(map(str, content["statuses"]))
    return f'<li><a href="problems/{slug}">{escape(content["title"])}</a> <code>{slug}</code> {statuses}</li>'


def _page(title: str, body: str) -> web.Response:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)
