"""The API put together."""

from collections.abc import Callable

from fastapi import FastAPI

from dyetrace import __version__
from dyetrace.controller.api import administration, operations, traces
from dyetrace.controller.api.measured import Measured
from dyetrace.controller.api.problems import KINDS, add_problems
from dyetrace.controller.api.refusals import Refusals
from dyetrace.controller.api.streams import Streams
from dyetrace.controller.diagnoses import Diagnoses
from dyetrace.controller.metrics import Meters
from dyetrace.controller.oidc import IdentityProvider
from dyetrace.controller.roll import Roll

ABOUT = (
    "Finds where a cloud's virtual network loses packets, and why. Errors are RFC 9457 problems "
    "with a stable `code`. A tenant traces packets that have an end of its own, and sees its own "
    "tasks; for it, all others do not exist."
)


def make_app(
    diagnoses: Diagnoses | None = None,
    meters: Meters | None = None,
    *,
    identity_provider: IdentityProvider | None = None,
    roll: Roll | None = None,
    is_open: Callable[[], bool] = lambda: True,
) -> FastAPI:
    """Make the application; without anything behind it, it can only be described.

    is_open: whether agents can come in, where they do by a gate.
    """
    app = FastAPI(
        title="dyetrace",
        version=__version__,
        description=ABOUT,
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        redirect_slashes=False,
    )
    app.state.diagnoses = diagnoses
    app.state.meters = meters
    app.state.identity_provider = identity_provider
    app.state.roll = roll
    app.state.is_open = is_open
    app.state.streams = Streams()
    app.state.refusals = Refusals(on_refusal=meters.refused if meters else lambda _: None)
    app.include_router(traces.router)
    app.include_router(operations.router)
    app.include_router(administration.router)
    add_problems(app)
    if meters is not None:
        for kind in KINDS.values():  # a counter that begins at one has not increased
            meters.refusals.labels(code=kind.code)
        app.add_middleware(Measured, meters=meters)
    return app
