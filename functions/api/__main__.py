"""Prints the OpenAPI file: `python -m functions.api`."""

from __future__ import annotations

import json

from functions.api.app import create_app

print(json.dumps(create_app().openapi(), indent=1, sort_keys=True))
