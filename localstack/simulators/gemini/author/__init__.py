"""An author of strategies that follows a grammar: it accounts for every word of a request, writes code, or asks about the words it did not read.

It is no model and is labeled as offline wherever its answers are shown.
"""

from simulators.gemini.author.framed import traded_on, write_answer

__all__ = ["traded_on", "write_answer"]
