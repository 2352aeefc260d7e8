"""The API's resource `strategies`: source code, parameters and versions."""
