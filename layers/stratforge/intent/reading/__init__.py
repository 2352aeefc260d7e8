"""A strict reading of what people say: only words of a closed vocabulary, each with one meaning.

What it reads has to be what the rules say, exactly. What it does not read is not wrong, but nobody has shown that it is right: how the rules take it is told to the person.
"""
