"""Connections, migrations, roles, paging and limits: what every other room of the storage stands on."""
