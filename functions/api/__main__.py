"""Prints the OpenAPI file: `python -m functions.api`."""

from __future__ import annotations

from functions.api.app import create_app
from functions.api.contract.document import written

print(written(create_app()))
