"""The contract as a page to read and try, with Swagger UI from its own package and nothing from elsewhere."""

from pathlib import Path

from aiohttp import web
from swagger_ui_bundle import swagger_ui_path

from common.access.policies import KNOWN_IF_TOLD
from common.access.routes import Handler, add_route

ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_KEPT = {"Cache-Control": "public, max-age=86400"}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Leveret: the contract</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<div id="contract"></div>
<noscript>Without scripts: <a href="openapi.json">openapi.json</a></noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#contract",
  deepLinking: true,
  docExpansion: "list",
  validatorUrl: "none",
});
"""


def add_docs(app: web.Application) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html", headers={"Content-Security-Policy": SECURITY_POLICY})

    async def start(_: web.Request) -> web.Response:
        return web.Response(text=_START, content_type="text/javascript", headers=_KEPT)

    folder = Path(str(swagger_ui_path))
    add_route(app, "GET", "/cqrs/docs", page, KNOWN_IF_TOLD)
    add_route(app, "GET", "/cqrs/docs/start.js", start, KNOWN_IF_TOLD)
    for name in ASSETS:
        add_route(app, "GET", f"/cqrs/docs/{name}", _asset(folder / name), KNOWN_IF_TOLD)


def _asset(path: Path) -> Handler:
    async def show(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(path, headers=_KEPT)

    return show
