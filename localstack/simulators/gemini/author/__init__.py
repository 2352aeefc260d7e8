"""An author of strategies that follows fixed rules: it finds conditions, numbers and words in a request and writes code.

It is no model and is labeled as offline wherever its answers are shown. It reads clauses of buying and selling in English, and the commonest words in
German, Spanish and French. What it does not find it assumes, and says so; what it cannot write it asks about.
"""

from simulators.gemini.author.writing import write_draft

__all__ = ["write_draft"]
