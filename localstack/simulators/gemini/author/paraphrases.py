"""Other words for the same: what is not read as it was said is said plainly and read again. What the plain words came to is held against the person's own."""

from __future__ import annotations

import re
from collections.abc import Callable

_N = r"(\d+(?:\.\d+)?)"
_PERCENT = rf"{_N} ?(?:%|percent|per cent|pct)"
_THING = r"(?:it|them|the (?:trade|position|shares?|stock|long)|my (?:shares?|position)|everything|all of it)"
_AVERAGE = r"(sma|ema|wma|hma|moving averages?|averages?|mas?)"


def _bullets(match: re.Match[str]) -> str:
    """A heading with its lines, as one sentence."""
    lines = [re.sub(r"^\s*(?:[-*•]|\d[.)])\s*", "", each).strip(" .;,") for each in match[2].strip().splitlines()]
    verb = "Buy" if re.match(r"entr|buy|long", match[1], re.IGNORECASE) else "Sell"
    return f"{verb} when {(' and ' if verb == 'Buy' else ' or ').join(each for each in lines if each)}.\n"


# From the widest phrases to single words; each is replaced wherever it stands.
_PHRASES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    # Frames that say nothing.
    (r"^\W*(?:hey|hi|hello|ok|so)?[ ,]*quick (?:one|question)[:,]?", ""),
    (r"\b(?:i was|i am|i'm|we were|just) wondering (?:if|whether) (?:you|we|it|there) (?:could|can|would|might|will)(?: please)?", ""),
    (r"\b(?:would|is|could) it (?:be )?(?:at all )?possible (?:for you )?to\b|\b(?:is|would) there (?:be )?(?:a|any|some) way (?:for (?:me|you) )?to\b|\bdo you think you (?:can|could)\b", ""),
    (r"\bwhat (?:i(?:'d| would)? ?(?:like|want|need)|i am after|i'm after|we want)(?: is)?(?: to)?\s*[:,]?", ""),
    (r"\b(?:my|the|our) (?:plan|idea|goal|aim|wish|intention|approach)(?: here)? (?:is|would be|was)(?: simple)?(?: to| that i|:)?", ""),
    (r"\b(?:make|build|write|code|create|give me) (?:me )?(?:something|a thing|one|a bot|a strategy) (?:that|which)\b", ""),
    (r"[,.!]?\s*\b(?:cheers|many thanks|thanks a lot|thanks in advance|ta|thank you so much|regards)\b[ !.]*$", "."),
    (r"\bfor me\b|\bon my behalf\b|\b(?:i|we) (?:want|would like|need) (?:it )?to (?=buy|sell)|\bplease\b|,? whichever (?:comes|happens|is) (?:first|sooner)", ""),
    (r"^\s*(?:every|each) (?:trading )?day,? (?=buy|sell)", ""),
    # Lists.
    (r"(?im)^\s*(entry|entries|buy|long|exit|exits|sell)(?: rules?| conditions?| signals?| when| if)?\s*:\s*\n((?:\s*(?:[-*•]|\d[.)]).*(?:\n|$))+)", _bullets),
    (r"\bconditions? (?:to|for) (?:buy(?:ing)?|enter(?:ing)?|(?:an |the )?entry)\s*(?::|are|is)*", "Buy when "),
    (r"\bconditions? (?:to|for) (?:sell(?:ing)?|exit(?:ing)?|(?:an |the )?exit)\s*(?::|are|is)*", "Sell when "),
    (r"(?:(?<=when )|(?<=if )|(?<=: ))\s*(?:1|a)[.)]\s*([^.;\n]{3,60}?)[,;]?\s+(?:2|b)[.)]\s*", r"\1 and "),
    (r"\b(when|if) (?:all(?: of)?(?: these| the following| this)?(?: conditions| things| rules)?(?: hold| are true| are met| is true| apply)?) ?: ?([^.;]+); ?([^.;]+)", r"\1 \2 and \3"),
    (r"\b(when|if) both\b", r"\1"),
    (r"\bas well as\b|,? provided(?: that)?\b|,? given that\b|,? on condition that\b|,? together with\b", " and"),
    # Questions that are answered at once.
    (r"(?:^|(?<=[.!?] ))([^.?!]{3,60})\? ?(buy|sell)\b[.!]?", r"When \1, \2."),
    # Passive forms.
    (r"\b(?:an? |the )?(?:entry|buy|purchase)(?: order)? (?:is|gets|should be) (?:triggered|signal+ed|made|given|placed) (?:by|when|if|on)\b", "buy when"),
    (r"\b(?:an? |the )?(?:exit|sell|sale)(?: order)? (?:is|gets|should be) (?:triggered|signal+ed|made|given|placed) (?:by|when|if|on)\b", "sell when"),
    (r"\b(?:an? |the |all )?(?:new )?(?:long )?(?:positions?|trades?|longs?) (?:is|are|gets?|should be|will be|must be) (?:opened|taken|entered|initiated|started)\b", "buy"),
    (r"\b(?:and |then |but )?(?:(?:it|they|the (?:position|trade|long)s?) )?(?:(?:is|are|gets?|should be|will be|must be) )?(?:closed|exited|liquidated)(?= (?:when|if|once|whenever|as soon|on|at|after))", "and sell"),
    (r"\b((?:the |all )?[\w./$&]+(?: shares| stock| coins)?) (?:(?:should|must|shall|will|can|is to|are to|has to|have to) )?(?:be|is|are|gets?) (?:bought|purchased|acquired)\b", r"buy \1"),
    (r"\b(?:it|they|the (?:stock|shares?|position)) (?:(?:should|must|shall|will|can|is to|are to|has to|have to) )?(?:be |is |are |gets? )?sold\b|\b(?:gets?|is|are|be) sold\b|(?<=and )sold\b", "sell"),
    # Other verbs.
    (rf"\b(?:get(?:s|ting)? rid of|unload(?:s|ing)?|off-?load(?:s|ing)?|dump(?:s|ing)?|ditch(?:es|ing)?|dispose of|let go of|clos(?:e|es|ing)) {_THING}(?: again)?\b", "sell it"),
    (r"\bcash(?:es)? out\b|\bget(?:s)? me out\b|\bgo(?:es)? (?:flat|out)\b|\bclose the long\b|\bsell it again\b", "sell"),
    (r"\b(?:go(?:es)?|going) long on\b|\bopen(?:s)? a long(?: position)?(?: on| in)?\b|\btake(?:s)? a (?:long )?position(?: in)?\b|\bsnap up\b|\bpick(?:s)? up\b|\binvest(?:s)? in\b", "buy"),
    (r"\bi (?:want|would like|wish|like) to be (?:in|long|invested)\b", "buy"), (r"\bi (?:want|would like|wish|like) to be (?:out|flat|in cash)\b", "sell"),
    (r"\b(?:in case|whenever|each time|every time|any time|the moment|as soon as|once)\b", "when"),
    # Ways to say where something is.
    (r"\b(?:surpass(?:es)?|climbs? past|goes past|gets past|tops|exceeds)\b", "rises above"), (r"\b(?:is )?(?:smaller|lesser) than\b", "is below"), (r"\b(?:undr|beneath|underneath)\b", "below"),
    (rf"\b(?:dips|falls|drops|sinks|comes down) to (?={_N})", "is at or below "), (rf"\b(?:reaches|hits|climbs to|rises to|gets up to) (?={_N})", "is at or above "),
    (r"\b(rsi|mfi|cci|adx|macd|it|the) (?:reading|value|level)\b", r"\1"), (r"\bthe (?=is\b)", "it "), (r"\brelative strength index\b", "RSI"),
    (r"\bwhen (?:the )?(rsi|mfi|cci) is at (?=\d)", r"when \1 is at "),
    # Prices and lines by their letters.
    *((rf"(?-i:\b{letter}\b)(?=\s*[<>])|(?<=[<>])(\s*)(?-i:{letter}\b)", rf"\1{word}") for letter, word in (("C", "close"), ("H", "high"), ("L", "low"), ("O", "open"), ("V", "volume"))),
    (r"\bkdj(?: ?\([\d, ]+\))?\s*:\s*", ""), (r"(?-i:\bJ\b)(?=\s*[<>]| (?:is|crosses|above|below|rises|falls))", "kdj j"),
    # Averages.
    (r"\b(?:the )?(?:fast|quick|short|slow|long)(?:er)? (?:moving )?average ?\((\d+)\)", r"the \1 bar average"), (rf"\b{_AVERAGE} ?\((\d+)\)", r"\2 \1"),
    (r"\bcrosses (the [\w ]{3,40}?) from below\b", r"crosses above \1"), (r"\bcrosses (the [\w ]{3,40}?) from above\b", r"crosses below \1"),
    (r"\bcrosses from below\b", "crosses above"), (r"\bcrosses from above\b", "crosses below"),
    (r"\bgolden cross (?:of|between|with) (?:the )?(\d+)(?:[- ]bars?)? ?(?:and|/|,) ?(?:the )?(\d+)(?:[- ]bars?)? (sma|ema|average|moving average)s?", r"\1 \3 crosses above \2 \3"), (r"\bdeath cross\b(?! (?:of|between))", "it crosses below"),
    (rf"\b{_AVERAGE} ?(\d+)\b(?= ?(?:cross|is|are|>|<|above|below|over|under))", r"\2 \1"),
    (rf"\bcrosses ((?:the )?(?:{_AVERAGE} ?\d+|\d+ ?{_AVERAGE})) (?:upwards?|up)\b", r"crosses above \1"), (rf"\bcrosses ((?:the )?(?:{_AVERAGE} ?\d+|\d+ ?{_AVERAGE})) (?:downwards?|down)\b", r"crosses below \1"),
    (r", (?:and )?(?:downwards?|down) ?(?:->|:|=>|,) ?(?=sell)", ", when it crosses below "), (r", (?:and )?(?:upwards?|up) ?(?:->|:|=>|,) ?(?=buy)", ", when it crosses above "),
    (r"\bbuy (?:a|the|on a|every) cross of (?:the )?price (above|over|below|under) (the [\w ]{3,20}?),", r"buy when price crosses \1 \2,"), (r"\bsell (?:a|the|on a|every) cross (above|over|below|under) it\b", r"sell when it crosses \1"),
    (r"\b(?:flat|out) (below|under|above|over) it\b", r"sell when price is \1 it"),
    (r"\bbuy (?:a|the|every|any|on a)? ?(?:new )?(\d+)[- ](bar|minute) high\b", r"buy when price breaks above its \1-\2 high"), (r"\bsell (?:a|the|every|any|on a)? ?(?:new )?(\d+)[- ](bar|minute) low\b", r"sell when price falls below its \1-\2 low"),
    # Ways out.
    (rf"\bsell (?:when|if) (?:i'm|i am|we're|we are|it is|it's|you're) (?:up )?{_PERCENT} (?:in profit|in the green|in the money|ahead)\b", r"sell when it is up \1%"),
    (rf"\bsell (?:when|if) (?:the |my )?(?:gain|profit|return) (?:is|reaches|hits|is at or above|exceeds) {_PERCENT}", r"sell when it is up \1%"),
    (rf"\bsell (?:with|for) (?:a )?{_PERCENT} (?:profit|gain)", r"sell when it is up \1%"), (rf"\btake (?:my|some|the|your|our) profits? at {_PERCENT}", r"take profit at \1%"),
    (rf",? (?:or|and|but)(?: when| if)? (?:the trade|the position|it|i|we) (?:is|am|'m|are) (?:down )?{_PERCENT} (?:under ?water|in the red|down|in loss|behind)", r", stop loss \1%"),
    (rf",? (?:but |and )?(?:never|do not|don't|i (?:do not|don't) want to) (?:lose|risk|losing) more than {_PERCENT}(?: (?:on|per|in|of) (?:a|any|each|every|one|the) (?:single )?(?:trade|position))?(?! (?:with|and|by|using|at)\b[^.;]*\b(?:stop|sl|atr)\b)", r", stop loss \1%"),
    (r"\bthree quarters of an hour\b", "45 minutes"), (r"\b(?:a )?quarter of an hour\b", "15 minutes"), (r"\bhalf an hour\b", "30 minutes"),
    # Hours.
    (r"\bat (\d{1,2})(?::(\d\d))? (?:o'clock )?in the morning\b", r"at \1:00 am"), (r"\bat (\d{1,2}) (?:o'clock )?in the afternoon\b", r"at \1:00 pm"),
    (r"(?:^|(?<=[,.;] ))(?:and )?at (\d{1,2}:\d\d(?: [ap]m)?),? (buy|sell) ([\w./]+)", r"\2 \3 at \1"),
    # Sizes.
    (rf"\b(?:each|every|a|one|any) (?:trade|position|purchase|buy|order) (?:should|must|shall|may|can|is to)? ?(?:use|uses|take|takes|be|is|have|has)(?: for)? (?:up to |at most )?{_PERCENT} of (?:my |the )?(?:equity|capital|account|portfolio|money|cash|balance|funds)", r"use \1% of equity"),
    (r"\btrade (\d+) (shares|coins)(?: (?:at a time|each time|per trade|every time|each))?", r"buy \1 \2"), (r"\bbuy (\d+) (?!shares|coins|dollars|bars?|minutes|days?|percent|%|\$)([a-z]{1,5})(?= (?:when|if|at|on)\b)", r"buy \1 shares of \2"),
    (r"\bbuy ([^.;]{1,60}?) with (?:everything|all(?: the money)?) (?:that )?i (?:have|own|got)", r"go all in when \1"), (r"\bwith (?:everything|all(?: the money)?) (?:that )?i (?:have|own|got)", "with 100% of equity"),
    (rf"\b(?:size|position size|sizing|amount|stake) ?(?::|=|is|of) ?{_PERCENT}(?: (?:of (?:equity|capital|account|my account|the account|portfolio|cash)))?(?: (?:per|a|for each|each) (?:trade|position))?", r"use \1% of equity"),
    (rf"\b(?:no more than|at most|not more than|a maximum of|max) {_PERCENT} of (?:my |the )?(?:equity|capital|account|portfolio) (?:in|per|for|on) (?:a|any|each|every|one) (?:trade|position|purchase)", r"use \1% of equity"),
    # Stops and targets.
    (rf"\b(?:sell|exit|get out)(?: it)? at \+?{_PERCENT} ?(?:or|/) ?[-−]{_PERCENT}", r"take profit \1%, stop loss \2%"),
    (rf"\bstop(?: loss)?(?: (?:at|of|is|:))?:? ?[-−]{_PERCENT}", r"stop loss \1%"), (rf"\b(?:take profit|target|tp)(?: (?:at|of|:))?:? ?\+{_PERCENT}", r"take profit \1%"),
    (r",? (?:and |with )?no other (?:exit|way out|rule for selling)s?", ""),
    (rf"\b(?:sell|exit|get out) (?:when|if) (?:it|the price|price) (?:falls|drops|declines|comes down|goes down|is) {_PERCENT} (?:below|from|off|under) (?:its|the) (?:high|highest|highest price|peak|top)(?: price)?(?: (?:since|after) (?:i bought|i bought it|entry|buying|the purchase|the entry|purchase|we bought))?", r"trailing stop of \1%"),
    (rf"\b(?:give|giving) back (?:at most|no more than|only|max) {_PERCENT} (?:from|of) (?:the|its) (?:top|high|peak),? (?:then|and(?: then)?) sell", r"trailing stop of \1%"),
    (rf"\b(?:sell|exit) (?:when|if) (?:the )?price (?:drops|falls|is|goes) {_PERCENT} (?:below|under) (?:my|the) (?:entry|entry price|purchase price|buy price) or (?:gains|rises|is up|goes up|makes) {_PERCENT}", r"stop loss \1%, take profit \2%"),
    (rf"\b(?:sell|exit) (?:when|if) (?:the )?price is {_PERCENT} (?:above|over|higher than) (?:what i paid|my entry|the entry price|my entry price|the purchase price|my buy price|the price i paid)", r"take profit \1%"),
    (rf"\bstop(?:ped)?(?: out)?(?: loss)? (?:at |is |when it is )?{_PERCENT} (?:below|under) (?:the |my )?(?:purchase price|entry price|entry|buy price|what i paid|cost)", r"stop loss \1%"),
    (rf"\bprotect (?:it|the trade|the position|me|myself) with (?:a |an )?(?:stop(?: loss)? of )?{_PERCENT}(?: stop(?: loss)?)?", r"stop loss \1%"),
    (rf",? (?:and |but )?(?:do not|don't) let me lose more than {_PERCENT}", r", stop loss \1%"), (rf"\b(?:get out|sell|exit) (?:when|if) (?:it|the (?:price|trade|position)) goes against me(?: by)? {_PERCENT}", r"stop loss \1%"),
    (r"\bone dollar\b", "1 dollar"), (r"\btarget (\d+(?:\.\d+)?) (dollars?|cents) above (?:the |my )?entry", r"take profit \1 \2"),
    # Hours, more of them.
    (r"\b(?:only )?in the afternoons?\b", "only after 12:00"), (r"\b(?:only )?in the mornings?\b(?! buy)", "only before 12:00"),
    (r"\b(?:do not|don't|never|no) (?:trade|trading|buy|buying) (?:during|over|at) lunch(?: ?time| hour)? ?\(?(?:12(?::00)?) ?(?:-|to|–) ?(?:1|13|1:00|13:00)(?: ?pm)?\)?", "do not buy between 12:00 and 13:00"),
    (r"\b(?:close|sell) (?:everything|it|all|the position) (?:five|5) minutes before (?:the )?(?:market )?(?:closes|close|end of the day)", "sell 5 minutes before the close"), (r"\bsell (?:it )?(?:ten|10) minutes before the (?:market )?close[sd]?\b", "sell 10 minutes before the close"), (r"\bbuy (?:it )?(?:ten|10) minutes after the (?:market )?open[s]?\b", "buy at 9:40"),
    (r"\b(?:everything|all|it|the position) (?:(?:must|should|has to|is to) )?(?:be )?(?:sold|sell) (?:by|before|at) the (?:end of the day|close)|\bsell it (?:by|before|at) the end of the day", "sell before the close"),
    (r"\bsell (?:it )?(?:an|one|1) hour later\b", "sell after 60 minutes"), (r"(?<=\d) every (?:morning|afternoon|day)\b", ""),
    (r"\bfrom (mon|tues|wednes|thurs)day (?:to|until|till|through) (tues|wednes|thurs|fri)day\b", r"only \1day to \2day"),
    (r"\bon (mon|tues|wednes|thurs|fri)days? buy at (\d{1,2}:\d\d)", r"buy at \2 on \1days"),
    (r"\bhalf past (nine|ten|eleven|two|three)\b", lambda m: {"nine": "9:30", "ten": "10:30", "eleven": "11:30", "two": "14:30", "three": "15:30"}[m[1].lower()]), (r"\bthree o'clock\b", "15:00"), (r"\btwo o'clock\b", "14:00"), (r"\bten o'clock\b", "10:00"), (r"\beleven o'clock\b", "11:00"),
    (r"(:\d\d)\s?([ap])\.?m\b\.?", r"\1 \2m"), (r"(\d ?)(am|pm) (?:et|est|edt|eastern|ny time|new york time)\b", r"\1\2"),
    (r"\bbuy in the last hour (?:if|when) ([^.,;]+)", r"buy when \1 only in the last hour"),
    # Indicators, more of them.
    (r"\bsell after (?:2|two) green (?:ones|candles|bars)", "sell after 2 green candles in a row"), (r"\bcrosses (?:up|upwards?) through\b", "crosses above"), (r"\bcrosses (?:down|downwards?) through\b", "crosses below"),
    (r"\b(macd histogram|histogram|momentum|macd) (turns|is|goes) positive, (?:and )?sell when negative", r"\1 \2 positive, sell when it \2 negative"),
    (r"\b(mfi|rsi|cci) under (\d+) buy,? over (\d+) sell", r"buy when \1 is under \2, sell when \1 is over \3"), (r"\bbuy (?:the )?breakout of the first (\d+) minutes' high", r"buy when price breaks above the high of the first \1 minutes"),
    (r"\bbuy oversold rsi\b", "buy when the RSI is oversold"), (r"\bsell overbought rsi\b", "sell when the RSI is overbought"), (r"\bprice is (below|above) (the [\w ]{3,20}?) by (\d+(?:\.\d+)?%)", r"price is \3 \1 \2"),
)  # fmt: skip
_READ = tuple((re.compile(phrase, re.IGNORECASE), plain) for phrase, plain in _PHRASES)


def in_plain_words(request: str) -> str:
    """A request in the words that the grammar knows best, as far as its phrases are known; it means the same."""
    text = request.replace("’", "'")
    for phrase, plain in _READ:
        text = phrase.sub(plain, text)
    return re.sub(r"^[\s,;:.]+", "", re.sub(r"[ \t]+", " ", text))
