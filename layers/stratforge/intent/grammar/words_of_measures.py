"""Words of what is measured, of how it moves and of what it is compared with, by their types; several values of a type each have their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# fmt: off
MEASURES: dict[str, Mapping[Any, str] | str] = {
    "article": "still|already|its|the|a|an|my|that|this|just|of all|own|current|exactly|right|single|actually|really|now",
    "be": (
        "has|have|has had|prints|shows|is|are|'s|was|were|be|been|has been|have been|had been|being|stays|remains|sits|stands|is sitting|has stayed|stayed|"
        "is currently|is still|it's|they're|gets|goes|becomes|is trading|trades|trading|reads|lies"
    ),
    "gets": "gets|goes|moves|comes|turns|is|pushes|travels",
    "move": {
        "up": (
            "rises|climbs|jumps|pops|pushes|rallies|surges|spikes|pokes|punches|shoots|rips|heads up|moves up|goes up|gets up|comes up|bounces|rise|climb|"
            "pop|poke|push|breaks out|runs"
        ),
        "down": (
            "dips|drops|falls|sinks|slips|slides|tumbles|ducks|plunges|dives|goes down|comes down|moves down|pulls back|fall|drop|dip|sink|slip|dropped|"
            "fell|fallen|dipping|dropping|falling|declines|breaks down|cracks|pokes"
        ),
        "": (
            "trades|closes|breaks|goes|gets|moves|comes|pushes|prints|closed|close|closing|trading|finishes|ends|ends up|break|broke|gets back|goes back|"
            "comes back|moves back|clears|turns|pops|settles"
        ),
    },
    "above": (
        "above|over|north of|past|higher than|greater than|more than|bigger than|larger than|>|exceeds|tops|upwards of|beyond|on top of|exceeding|up above|"
        "clear of|bests|outpaces"
    ),
    "below": "below|under|beneath|underneath|south of|lower than|less than|smaller than|<|short of|down below",
    "atleast": ">=|at least|at or above|no less than|at or over|not less than|a minimum of|not below|minimum",
    "atmost": "<=|at most|at or below|no more than|at or under|not more than|no higher than|not above|max",
    "ormore": "or more|or higher|or above|or over|or better|or greater|and up|and above|or so above",
    "orless": "or less|or lower|or below|or under|or fewer|and below",
    "cross": "crosses|cross|crossing|crossed|crosses back|just crossed|has crossed|have crossed|x|crossover|cross over|xover|cuts|cuts back|crosses over to",
    "across": {
        "up": (
            "above|over|up through|up over|through to the upside|up past|upwards through|up above|to above|upward through|up|north of|upwards|upward|"
            "back above|back over|to the upside of|back up through|back up over|over top of"
        ),
        "down": (
            "below|under|down through|beneath|down under|down below|downwards through|to below|down|downwards|downward|back below|back under|"
            "back down through|back down below|back down under|underneath"
        ),
    },
    "fromside": {
        "up": "from below|from underneath|from beneath|upwards|to the upside|upward|from under|going up|on the way up",
        "down": "from above|downwards|to the downside|downward|from over|going down|on the way down",
    },
    "through": {
        "up": (
            "rises through|climbs through|rises back through|pushes up through|moves up through|breaks up through|goes up through|climbs back through|"
            "comes up through|rises back above|comes back above|climbs back above|climbs back over|pops back over|gets back above|gets back over|"
            "moves back above|goes back above|goes back over|comes back over|bounces back above|pushes back above|closes back above|breaks back above|"
            "moves back over|closes back over|rises back over|pops up through|punches up through|punches through|crosses up and over|pushes through"
        ),
        "down": (
            "falls through|drops through|sinks through|slips through|moves down through|falls back through|drops back through|goes down through|"
            "comes down through|breaks down through|falls back below|falls back under|drops back below|drops back under|slips back below|slips back under|"
            "sinks back below|sinks back under|goes back below|goes back under|comes back below|comes back under|gets back below|gets back under|"
            "closes back below|closes back under|moves back below|moves back under|dips back below|dips back under"
        ),
    },
    "reclaim": "reclaims|retakes|regains|recaptures|takes back|wins back|reclaim|recovers",
    "lose": "loses|lose|gives up|breaks down through|surrenders",
    "touch": (
        "touches|tags|hits|reaches|tests|kisses|touch|taps|meets|hit|tag|reach|gets to|comes to|is at|gets back to|returns to|comes back to|goes back to|"
        "trades at|is back at|touching|touched|bumps|bumps into|arrives at|makes it to|reverts to|back to|back at|reached|gets down to|gets up to|"
        "comes down to|comes up to|climbs to|rises to|rallies to|gets as far as"
    ),
    "fallto": "falls to|drops to|dips to|sinks to|slides to|slips to|falls back to|drops back to|pulls back to|declines to",
    "golden": "golden cross",
    "death": "death cross",
    "rising": (
        "rising|climbing|going up|heading up|trending up|pointing up|sloping up|rises|increasing|moving up|ticking up|up on the bar|turning up|turns up|"
        "on the rise|upward sloping|slopes up|points up"
    ),
    "falling": (
        "falling|going down|heading down|trending down|pointing down|sloping down|dropping|decreasing|declining|moving down|ticking down|turning down|"
        "turns down|slopes down|points down"
    ),
    "positive": "positive|> 0|above zero|above 0|over zero|over 0|green|in positive territory|above the zero line|over the zero line",
    "negative": "negative|< 0|below zero|below 0|under zero|under 0|red|in negative territory|below the zero line|under the zero line",
    "zero": "zero|the zero line|zero line|the zero-line|0 line|its zero line",
    "turns": (
        "turns|flips|goes|becomes|switches|changes to|turn|flip|crosses|gets|turning|flipping|turned|flipped|switches to|flips to|goes back|turns back|"
        "flips back|changes|swings|comes"
    ),
    "bull": "green|up|bullish|long|to bullish|to green|to up|to long|buy|to the upside|upwards|positive|bull",
    "bear": "red|down|bearish|short|to bearish|to red|to down|negative|to the downside|downwards|bear",
    "between": "between|in between|inside|in|from",
    "green": "green|up|bullish|white|positive|rising",
    "red": "red|down|bearish|black|negative|falling",
    "nth": {
        2.0: "second|2nd",
        3.0: "third|3rd",
        4.0: "fourth|4th",
        5.0: "fifth|5th",
        6.0: "sixth|6th",
    },
    "row": "in a row|straight|consecutive|consecutively|running|back to back|successive|on the trot|back-to-back|one after another|on end",
    "barword": (
        "bar|bars|candle|candles|candlestick|candlesticks|minute candle|minute bar|minute candles|minute bars|1-minute bars|1-minute candles|1 minute bars|"
        "1 minute candles|ones"
    ),
    "unit": (
        "bar|bars|minute|minutes|min|mins|candle|candles|period|periods|m|candlesticks|minute bars|minute candles|1-minute bars|minutes'|bars'|"
        "one-minute bars|1 minute bars|1-min bars|one-minute candles|bar's"
    ),
    "hours": "hour|hours|hr|hrs|h|hours'",
    "length": "length|period|periods|lookback|len|window",
    "avg": "average|avg|avg.|mean|moving average|ma|averages|moving averages|mas|smas|emas|mean value",
    "sort": {
        "sma": "simple|sma|plain|s",
        "ema": "exponential|ema|exp|e",
        "wma": "weighted|wma",
        "hma": "hull",
        "vwma": "volume weighted|volume-weighted",
    },
    "ma": {
        "sma": (
            "sma|simple moving average|simple ma|simple average|smas|moving average|average|ma|mas|avg|moving averages|simple moving averages|averages|"
            "bar average|bar moving average|moving avg"
        ),
        "ema": "ema|exponential moving average|exponential ma|emas|exponential average|exp ma|exponential moving averages|exponential|exp. moving average",
        "wma": "wma|weighted moving average",
        "hma": "hma|hull moving average|hull ma|hull",
        "dema": "dema|double exponential moving average",
        "tema": "tema|triple exponential moving average",
        "vwma": "vwma|volume weighted moving average|volume-weighted moving average",
        "kama": "kama",
    },
    "osc": {
        "rsi": "rsi|relative strength index|rsi indicator|the rsi",
        "mfi": "mfi|money flow index",
        "cci": "cci|commodity channel index",
        "willr": "williams %r|williams r|willr|%r|williams percent r|larry williams %r|will %r|williams",
        "adx": "adx|average directional index",
        "roc": "roc|rate of change",
        "cmf": "cmf|chaikin money flow",
        "atr": "atr|average true range|atrs",
        "mom": "momentum|mom",
        "cmo": "cmo|chande momentum oscillator",
        "chop": "chop|choppiness index|choppiness",
        "natr": "natr",
        "stochrsi": "stochrsi|stoch rsi|stochastic rsi",
        "zscore": "z-score|zscore|z score",
    },
    "macd": "macd",
    "macdline": "line|macd line",
    "signal": "signal|signal line|its signal|its signal line|the signal|the signal line|signal's",
    "hist": "histogram|hist|macd histogram|macd hist",
    "stoch": "stochastic|stoch|stochastics|slow stochastic|slow stoch|stochastic oscillator|the stochastic|full stochastic",
    "kline": "%k|k|k line|%k line",
    "dline": "%d|d|d line|%d line",
    "plusdi": "+di|+ di|plus di|di+|di plus|positive di",
    "minusdi": "-di|- di|minus di|di-|di minus|negative di",
    "aroon": "aroon",
    "bb": "bollinger|bollinger band|bollinger bands|bb|bbs|bbands|boll|bollingers|band|bands|bollinger's",
    "pctb": "%b|percent b|% b|bollinger %b",
    "kc": "keltner|keltner channel|keltner band|keltner channels|kc|keltners|keltner bands",
    "dc": "donchian|donchian channel|donchian band|donchian channels",
    "line3": {
        "upper": "upper|top|high|upper side|outer",
        "lower": "lower|bottom|low|lower side",
        "middle": "middle|mid|midline|center|basis|centre|median|mid-line|middle line",
    },
    "supertrend": "supertrend|super trend|supertrend indicator",
    "sar": "parabolic sar|psar|sar",
    "vwap": "vwap|the vwap|session vwap|daily vwap|anchored vwap|volume weighted average price",
    "price": (
        "price|the price|close|the close|closing price|last price|it trades|share price|stock price|the stock|stock|candle close|bar close|candle|bar|"
        "market price|quote|closes|the bar|the candle|the coin"
    ),
    "pronoun": "it|its price",
    "low": "low of the bar|low of the candle|low of this bar|low|bar low|candle low|bar's low|candle's low|the low of the bar|lows",
    "high": "high of the candle|high of this bar|high|bar high|candle high|bar's high|candle's high|the high of the bar",
    "open": "bar open|candle open|bar's open|candle's open",
    "volume": (
        "the current bar's volume|current bar's volume|current volume|this bar's volume|bar's volume|volume of the bar|volume|bar volume|vol|the volume|"
        "trading volume|volumes|candle volume"
    ),
    "std": "std|stdev|standard deviation|standard deviations|std dev|std devs|sigma|sigmas|stddev|deviations|sd|st dev|stds",
    "day": {
        "yesterday": (
            "yesterday's|yesterdays|the previous day's|prior day's|previous day's|previous day|prior day|prev day|prev day's|previous session's|"
            "last session's|the day before's|prior session's|previous session|prior session|yesterday|last day's|the prior day"
        ),
        "day": "today's|todays|the day's|day's|the session's|session's|intraday|session|daily|day|days|the day",
    },
    "ofday": {
        "yesterday": "yesterday|the previous day|the prior day|the day before|the previous session|the prior session|the last session",
        "day": "day|the day|today|the session|session|day so far|the day so far|session so far|the trading day",
    },
    "ohlc": {
        "high": "high|highs|highest price|top|peak|highest",
        "low": "low of the bar|low of the candle|low of this bar|low|lows|lowest price|bottom|lowest",
        "close": "close|closing price",
        "open": "open|opening price|opening|opening print",
    },
    "daylevel": {
        "day_high": "hod|high of day|high of the day|day high|days high|the day's high|high of day so far|the high of the day so far",
        "day_low": "lod|low of day|low of the day|day low|low of the day so far",
        "yesterday_high": "pdh",
        "yesterday_low": "pdl",
        "yesterday_close": "pdc|prior close|previous close|prev close|prior day close|the prior close|last night's close",
        "day_open": "opening price|day open|the opening price|session open|opening print",
    },
    "highest": {
        "high": "highest high|highest|max|hh|high|highest price|new high|fresh high",
        "low": "lowest low|lowest|min|ll|low|lowest price|new low|fresh low",
    },
    "last": "last|past|previous|prior|prev|preceding|trailing",
    "ago": "ago|earlier|before|back|bars ago|prior",
    "new": "new|fresh",
    "range": "range|open range|opening range|or|orb|the range|the opening range|opening-range",
    "opening": "first|opening|the first|initial",
    "gapup": "gaps up|gap up|gapped up|gaps higher|opens up|opens higher",
    "gapdown": "gaps down|gap down|gapped down|gaps lower|opens down|opens lower",
    "opens": "opens|opened|open|is opening|opens the day",
    "oversold": "oversold|in oversold territory",
    "overbought": "overbought|in overbought territory",
    "times": "times|x|*|×|time",
    "twice": {
        2.0: "twice|double",
        3.0: "triple|three times|thrice",
    },
    "half_of": "half of|half|half the",
    "plus": "plus|+",
    "minus": "minus|-|—|less",
    "percent": "%|percent|pct|per cent|percents|% percent",
    "dollars": "dollars|dollar|usd|bucks|$|buck|bux",
    "cents": "cents|cent|c",
    "grand": "grand|k|thousand dollars|thousand|thousand bucks",
    "per_share": "per share|a share|/share|each share|share",
}
# fmt: on
