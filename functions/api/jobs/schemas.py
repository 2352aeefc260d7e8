"""A job, as clients see it."""

from __future__ import annotations

from stratforge.storage.strategies.jobs import Job

from functions.api.views import list_of, view_of

JobView = view_of(Job, "JobView", without=("user_id", "request"))
JobList = list_of(JobView, "JobList", "Jobs; `next` continues the list.")
