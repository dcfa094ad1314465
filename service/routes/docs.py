"""GET /docs: the interactive description, with its scripts served from here; nothing is loaded from elsewhere."""

from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

_SCRIPTS = "/docs/static"


def install(app: FastAPI) -> None:
    """Adds the page and the scripts that the package fastapi-offline ships."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """Relative addresses, so that the page works below any prefix."""
        scripts = _SCRIPTS.removeprefix("/")
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title=app.title,
            swagger_js_url=f"{scripts}/swagger-ui-bundle.js",
            swagger_css_url=f"{scripts}/swagger-ui.css",
            swagger_favicon_url=f"{scripts}/favicon.png",
        )

    app.mount(_SCRIPTS, StaticFiles(directory=str(files("fastapi_offline") / "static")), name="docs-static")
