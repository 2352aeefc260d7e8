"""An author of strategies that follows a grammar: it accounts for every word of a request, writes code, or asks about the words it did not read.

It is no model and is labeled as offline wherever its answers are shown.
"""

from simulators.gemini.author.framed import traded_on, write_answer
from simulators.gemini.author.questions import subject_of
from simulators.gemini.author.standing import on_what_stands
from simulators.gemini.author.writing import described

__all__ = ["described", "on_what_stands", "subject_of", "traded_on", "write_answer"]
