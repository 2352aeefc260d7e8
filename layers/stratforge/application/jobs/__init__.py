"""Work that takes a while: what can be asked for, what comes of it, how it is queued, and how each kind is done.

A request is stored with its job and a message wakes the worker of its kind. A job that is delivered twice is done once.
"""
