"""The words that conditions are made of, and the subjects that were spoken of last."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.gemini.author.rules import Condition, Operand, Series
from simulators.gemini.author.scanner import BARS, N

IS = r"(?:is|are|was|gets?|has|have|been|being|stays?|remains?|sits?|trades?|trading|moves?|goes|go|going|comes?|come|closes?|closing|closed|falls?|falling|drops?|dropping|dips?|dipping|sinks?|declines?|pulls back|rises?|rising|climbs?|climbing|pushes|pops|returns?|recovers?|gone|fallen|risen|dropped|reads?|hits?|currently|already|still|then|also|now|back|well|to|at|again|even|significantly|significant|first|finally|must|should|needs? to|has to|have to|be)"
UP = r"(?:above|over|greater than|more than|higher than|bigger than|larger than|exceeds?|exceeding|>|up above|up over|up through|on top of|north of)"
DOWN = r"(?:below|under|beneath|underneath|less than|lower than|smaller than|<|down below|down under|south of)"
AT_LEAST = r"(?:at least|at or above|>=|or more|no less than|not less than|greater than or equal to)"
AT_MOST = r"(?:at most|at or below|<=|no more than|not more than|less than or equal to)"
CROSS = r"(?:crosses|cross|crossing|crossed|crossover|breaks|break|breaking|broke|breaks out|break out|breaking out|punches|pierces|cuts|cut)"
SPAN = rf"(?:in|within|over|during|inside)(?: of)?(?: the)?(?: last| past| previous)* ?(?:{N} ?({BARS}|hours?|hrs?|h|days?|weeks?)|(an?|one|half an) (hour|minute|day|week))"
FALLS = r"(?:falls?|fell|fallen|drops?|dropped|declines?|declined|dips?|dipped|is down|are down|goes down|went down|down|loses?|lost|slides?|plunges?|crashes|tanks|sinks?|decreases?|sells off|pulls back)"
RISES = r"(?:rises?|rose|risen|gains?|gained|is up|are up|goes up|went up|up|climbs?|climbed|jumps?|jumped|rallies|rallied|increases?|surges?|spikes?|soars?|moves up)"


@dataclass(slots=True)
class Memory:
    """The subjects that were spoken of last, for “it crosses back” and “above 70”."""

    left: Series | None = None
    right: Operand | None = None
    pair: tuple[Series, Operand] | None = None
    position: bool = False
    notes: list[str] = field(default_factory=list)
    # Series other than prices that were compared with numbers, in their order.
    measured: list[Series] = field(default_factory=list)
    bought_below: bool | None = None
    # Days and times that the last condition excepts.
    excepted: list[Condition] = field(default_factory=list)
