"""The intent contract: between a request in plain language and code stands a list of requirements, and a gate in code that holds all three against each other.

A request's *elements* (its numbers, units, times, days, bounds, negations, connectives) must lie in the quotations of its *requirements*; what a requirement covers must
stand in the lines it names; what the code does must be asked for or be said as an assumption; and in made-up markets the strategy must be able to buy and to sell.
Words that a small grammar of a closed vocabulary reads (`reading`) have to be what the rules say, exactly; how the rules take all other words is told to the person, in
words made from the rules. The gate trusts no model: all it is given is the request, the requirements and the code.
"""
