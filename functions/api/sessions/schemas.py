"""Sessions, as clients see them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stratforge.storage.strategies.sessions import StoredSession

from functions.api.views import list_of, view_of


class StopBody(BaseModel):
    """The request to stop a session, with its options."""

    model_config = ConfigDict(extra="forbid")

    flatten: bool = Field(False, description="Also sell what the session holds")


SessionView = view_of(StoredSession, "SessionView")
SessionList = list_of(SessionView, "SessionList", "Sessions; `next` continues the list.")
