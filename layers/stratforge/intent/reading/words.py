"""The closed vocabulary of the strict reading: words by what they are, prices and indicators by their names."""

from __future__ import annotations

import re
from difflib import get_close_matches

from stratforge.intent.reading import registered
from stratforge.strategy.vocabulary import DAYS

_AFTER = ("after a sale", "after a sell", "after the sell", "after every sell", "after each sell", "after the sale", "after a sale happens", "after a close", "after each sale", "after every sale", "after selling", "after each exit", "after an exit", "after any exit", "after any sale", "after any trade", "after exiting", "after every exit", "after a trade", "after each trade", "after closing a trade", "after closing")  # fmt: skip
_AGAIN = ("before buying again", "before the next buy", "before the next purchase", "before the next entry", "before re-entering", "before entering again", "before the next trade", "between trades", "before a new entry", "before re-entry")  # fmt: skip
AFTER_A_SALE = (*_AFTER, *_AGAIN, *(f"{one} {other}" for one in _AFTER for other in _AGAIN))
# Words by what they are. Each has one meaning; a word with two is left out.
WORDS: dict[str, tuple[str, ...]] = {
    "buy": (
        "long entry", "buy entry", "open longs", "opens a long", "scoop up", "buy", "buys", "buying", "acquire", "acquires", "open a long", "take a position", "take a long position", "get in", "gets in", "go long on", "go long", "goes long on", "goes long", "going long", "long on", "long",
        "enter long", "enter a long position", "enter a long", "enter a trade", "enter", "enters", "open a long position", "open long", "open a position", "purchase", "purchases", "invest in", "grab", "pick up", "snap up", "buy in", "get long", "be long",
    ),
    "all_in": ("go all in on", "all in on", "go all in", "goes all in on"),
    "sell": (
        "leave", "sell them", "exit them", "dump it", "close the whole thing", "out", "get me out", "go out", "sell", "sell all", "cover", "cover all", "close whatever is open", "flatten", "get out completely", "exit completely", "sells", "selling", "get out of", "unload", "offload", "cash out", "bail out", "bail", "close the long", "sell it again", "exit", "exits", "get out", "gets out", "go flat", "goes flat", "close the position", "closes the position",
        "close my position", "close the trade", "closes the trade", "close it", "close out", "close all positions", "close everything", "close all", "exit the position", "exit the trade", "liquidate", "dump", "dumps", "flat", "be flat", "be out", "sell out", "get rid of", "close long", "close position", "exit long",
    ),
    "when": ("when", "whenever", "if", "once", "as soon as", "every time", "each time", "any time", "anytime", "the moment", "as long as", "in case", "where", "on days when"),
    "and": ("and", "n", "&", "and also", "while", "and if", "and when", "with the", "as well as", "&&", "plus", "but", "but also"),
    "or": ("or", "or if", "or when", "||", "or once"),
    "not": ("not", "isn't", "is not", "don't", "do not", "never", "no", "avoid", "without", "skip", "doesn't", "does not", "ain't", "dont"),
    "unless": ("unless",),
    "either": ("either",),
    "both": ("both",),
    "except": ("except", "but not", "but never", "excluding", "apart from", "other than", "except when", "except if", "except on"),
    "only": ("only take it", "only take the trade", "only take trades", "only take longs", "only take long entries", "only take long trades", "only take signals", "take trades only", "take it only", "only take entries", "only go long", "only trade it", "only", "but only", "and only"),
    "is": ("is", "are", "has been", "stays", "remains", "was", "must be", "should be", "needs to be", "has to be", "being"),
    "it_is": ("it's", "it is", "it has been"),
    "i_am": ("i'm", "i am", "we are", "we're", "im"),
    "it": ("it",),
    "its": ("its",),
    "below": ("below", "under", "beneath", "underneath", "less than", "lower than", "smaller than", "<", "lower then", "less then", "smaller then", "still below"),
    "above": ("above", "over", "greater than", "higher than", "more than", "bigger than", "exceeds", "exceed", "surpasses", ">", "higher then", "greater then", "more then", "still above", "exceeding"),
    "at_most": ("at most", "no more than", "not more than", "at or below", "<=", "≤", "no higher than", "=<"),
    "at_least": ("at least", "no less than", "not less than", "at or above", ">=", "≥", "no lower than", "a minimum of"),
    "or_less": ("or less", "or below", "or lower", "or under"),
    "or_more": ("or more", "or above", "or higher", "or over", "or greater"),
    "fall": ("drifts down", "falls", "drops", "dips", "sinks", "slips", "falling", "dropping", "fell", "fall", "drop", "dip", "declines", "comes down", "goes down", "dives", "dropped", "slides"),
    "rise": ("rises", "climbs", "jumps", "rising", "climbing", "rose", "rise", "goes up", "gains", "moves up", "rallies", "pops", "climb"),
    "move": ("goes", "gets", "moves", "going", "moving", "go", "flips", "comes", "pushes"),
    "trade": ("trades", "closes", "closing"),
    "has_moved": ("has fallen", "has risen", "has dropped", "has climbed", "has been falling", "has been rising"),
    "break": ("breaks", "breaking", "break", "breaks out", "breaks through", "break through", "takes out", "clears"),
    "cross": ("just crossed", "has just crossed", "have just crossed", "has crossed", "have crossed", "crossed just now", "crosses", "crossing", "crossed", "cross", "x"),
    "crossover": ("crossover", "x-over", "xover", "cross-over", "crossovers"),
    "crossunder": ("crossunder", "cross-under"),
    "bullish": ("bullish", "bullishly"),
    "bearish": ("bearish", "bearishly"),
    "golden": ("golden cross",),
    "death": ("death cross",),
    "upcross": ("rises through", "rises back through", "climbs through", "climbs back through", "rise through", "rise back through", "climb through", "climb back through", "moves up through", "moves up back through", "rising through", "rising back through", "rallies through", "rallies back through", "pushes up through", "pushes up back through", "pops through", "pops back through", "jumps through", "jumps back through", "crosses up through", "crosses up over", "crosses up past", "crosses up above", "crosses back up through", "crossing up through", "cross up through", "xup", "x up", "x-up", "cross up", "crosses up", "crossing up", "crosses it up"),
    "downcross": ("falls through", "falls back through", "drops through", "drops back through", "sinks through", "sinks back through", "slips through", "slips back through", "fall through", "fall back through", "drop through", "drop back through", "declines through", "declines back through", "dips through", "dips back through", "falling through", "falling back through", "slides through", "slides back through", "crosses down through", "crosses down below", "crosses down under", "crosses back down through", "crossing down through", "cross down through", "xdown", "x down", "x-down", "xdn", "cross down", "crosses down", "crossing down"),
    "filter": ("filter", "filters", "trend filter", "as a filter", "as filter", "filter is"),
    "back": ("back",),
    "return": (
        "comes back", "goes back", "gets back", "moves back", "recovers", "returns", "climbs back", "falls back", "drops back", "rises back", "crosses back", "breaks back", "closes back", "dips back", "reverts", "bounces back", "return",
    ),
    "reclaim": ("reclaims", "reclaim", "retakes", "regains"),
    "lose": ("loses", "lose", "have lost", "has lost", "is losing"),
    "touch": ("touches", "touch", "hits", "hit", "reaches", "reach", "tags", "tests", "a touch", "makes", "prints", "touched"),
    "upwards": ("upwards", "upward", "from below", "up through", "from below to above", "to the upside", "up over", "up past", "upside"),
    "downwards": ("downwards", "downward", "from above", "down through", "from above to below", "to the downside", "down below", "down under", "downside"),
    "turns": ("turned", "just turned", "has just turned", "just flipped", "flip", "the flip", "turn", "turning", "turns", "flips", "becomes", "flipped"),
    "positive": ("positive",),
    "negative": ("negative",),
    "oversold": ("oversold",),
    "overbought": ("overbought",),
    "between": ("between",),
    "outside": ("outside", "outside of"),
    "after": ("after", "past", "no earlier than", "not earlier than", "not before", "no sooner than", "starting at"),
    "before": ("before", "prior to", "earlier than"),
    "until": ("until", "till", "to", "and until", "through", "thru"),
    "no_later": ("no later than", "not later than", "at the latest by", "by no later than"),
    "at": ("at", "@"),
    "by": ("by",),
    "on": ("on", "upon"),
    "in": ("in", "within", "inside"),
    "of": ("of", "worth of"),
    "for": ("for",),
    "from": ("from", "versus", "vs", "vs.", "against", "compared to", "compared with", "relative to"),
    "with": ("w/", "with", "use", "using", "invest", "put", "set", "add", "uses", "place", "allocate", "commit", "have"),
    "times": ("times",),
    "inside_range": tuple(f"{verb} back {into} the range" for verb in ("closes", "falls", "drops", "is", "comes") for into in ("inside", "into", "in")),
    "gap_filled": ("the gap is filled", "gap is filled", "the gap fills", "gap fills"),
    "a_share": ("per share", "a share", "/share"),
    "minus_by": ("minus", "reduced by"),
    "plus_by": ("increased by",),
    "lower_low": ("a lower low", "lower low", "lower lows"),
    "higher_high": ("a higher high", "higher high", "higher highs"),
    "lower_high": ("a lower high", "lower high"),
    "higher_low": ("a higher low", "higher low"),
    "new_day_high": ("new day high", "a new day high"),
    "new_day_low": ("new day low", "a new day low"),
    "twice": ("twice", "double"),
    "in_a_row": ("in a row", "consecutive", "consecutively", "straight", "successive"),
    "unit": ("ones", "bar", "bars", "minute", "minutes", "min", "mins", "candle", "candles", "period", "periods", "candlestick", "candlesticks", "m"),
    "hourly": ("hourly",),
    "hours": ("hour", "hours", "hr", "hrs", "h"),
    "half_hour": ("half an hour", "half hour"),
    "quarter_hour": ("a quarter of an hour", "quarter of an hour"),
    "later": ("after that", "after buying in", "later", "after entry", "after buying", "after the entry", "after the buy", "after i bought", "after the purchase", "after i buy", "after entering"),
    "at_latest": ("at the latest", "latest"),
    "green": ("green", "up"),
    "red": ("red", "down"),
    "stop": ("initial stop", "initial stop loss", "protective stop", "fixed stop", "stop-out", "disaster stop", "stop loss", "stop-loss", "stoploss", "sl", "stop", "hard stop", "stops", "cut losses", "cut the loss", "cut my losses", "cut my loss", "cut loss", "stop out", "stop me out"),
    "target": ("take profit", "take-profit", "takeprofit", "tp", "profit target", "target", "take profits", "take my profit", "take my profits", "profit taking", "price target"),
    "trail": ("trailing stop", "trailing stop loss", "trailing stop-loss", "trailing", "trail", "trailing sl", "tsl", "trail it", "trail the stop", "trailing exit", "trailing stop exit"),
    "profit": ("winning", "at a profit", "in the green", "in the money", "profit", "gain", "in profit", "gains", "profits"),
    "loss": ("losing", "at a loss", "underwater", "under water", "loss", "in loss", "losses", "in the red"),
    "entry_price": ("below entry", "under entry", "below my entry", "below the entry", "below the entry price", "below entry price", "above entry", "over entry", "above my entry", "above the entry", "above the entry price", "above entry price", "from entry", "from my entry", "from the entry", "below my entry price", "above my entry price", "below the purchase price", "above the purchase price"),
    "equity": (
        "of equity", "of my equity", "of the equity", "of my account", "of the account", "of my portfolio", "of the portfolio", "of my capital", "of capital", "of account", "of portfolio", "of the capital", "of account equity", "of my account equity", "of the session's equity", "of my trading capital", "of available equity",
    ),
    "per_trade": ("per trade", "each trade", "a trade", "per position", "each position", "for each trade", "every trade", "per entry", "per buy", "each time", "at a time", "each", "on each trade", "in each trade", "for every trade", "per order"),
    "size_word": ("qty", "quantity", "position size", "position sizing", "size", "sizing", "allocation", "stake", "trade size", "order size", "lot size"),
    "half": ("half out", "1/2", "1/2 of", "1/2 off", "half", "half off", "half of"),
    "third": ("1/3", "1/3 of", "1/3 off", "one-third", "a third off", "a third", "one third", "a third of", "one third of"),
    "quarter": ("1/4", "1/4 of", "1/4 off", "a quarter off", "a quarter", "one quarter", "a quarter of", "one quarter of"),
    "rest": ("the rest off", "rest off", "the rest out", "the rest", "the remainder", "rest", "remainder", "the other half", "the remaining half", "remaining half", "the rest of it", "what's left", "the remaining"),
    "position": ("them", "the whole thing", "the position", "my position", "everything", "it all", "all of it", "all", "the trade", "the stock", "the shares", "all shares", "shares", "stock", "the whole position", "position", "my shares", "full position", "positions", "the lot", "coins"),
    "max": ("max", "maximum", "at most", "no more than", "limit to", "up to", "max.", "maximum of", "a maximum of", "limit of", "at max", "not more than"),
    "trades": ("trades", "trade", "times", "positions a", "round trips", "trading"),
    "entries": ("entries", "entry", "purchases", "new trades", "new positions", "new entries", "buys", "new buys", "new trade", "new entry", "new position"),
    "daily": ("daily",),
    "per_day": ("per day", "a day", "each day", "every day", "/day", "per trading day", "in a day"),
    "once_a_day": ("not again that day", "not again the same day", "not again on that day", "only once that day", "once that day", "no second time that day", "one entry each day", "one buy each day", "one shot a day", "one trade max per day", "one trade a day max", "only the first one each day", "one trade daily max", "no more than once per day", "no more than once a day", "at most once a day", "at most once per day", "max once a day", "max once per day", "not more than once a day", "one position each day", "once a day", "once per day", "one trade a day", "one trade per day", "one buy per day", "one entry per day", "one trade daily", "one trade each day", "one position a day", "one position per day"),
    "hold": ("max hold", "maximum hold", "max holding time", "maximum holding time", "max hold time", "maximum hold time", "holding time", "hold time", "time stop", "time exit", "time limit", "hold", "hold it", "keep it", "stay in", "hold the position", "holding period", "hold on"),
    "wait": ("wait", "pause", "cooldown", "cool down", "cool-down", "cooldown period", "then wait", "cooling off", "cool off"),
    "after_a_sale": AFTER_A_SALE,
    "after_a_loss": tuple(f"after {which} {what}" for which in ("a", "any", "every", "each", "the") for what in ("loss", "losing trade", "loser", "losing sale", "losing exit")),
    "after_a_stop": (*(f"after {which} {what}" for which in ("a", "any", "every", "each", "the", "such a") for what in ("stop", "stop-out", "stop out", "stopped trade", "stop loss", "stop loss is hit")), "after being stopped out", "after getting stopped out", "after i get stopped out", "after i am stopped out", "after it is stopped out", "after being stopped"),
    "losing_trades": ("losing trades", "losing trade", "losers", "loser", "losing sales"),
    "stopped_trades": ("stop-outs", "stop outs", "stopped trades"),
    "done_today": ("stop trading for the day", "stop for the day", "stop buying for the day", "i'm done for the day", "i am done for the day", "done for the day", "we're done for the day", "it's done for the day", "stop trading for the rest of the day", "stop trading that day", "stop trading until tomorrow", "stop trading until the next day", "call it a day"),
    "no_more_buying": ("no more trades", "no more buys", "no more entries", "no new trade", "no more buying", "no more trading", "no re-entry", "no reentry", "no re-entries", "don't re-enter", "do not re-enter", "no further trades", "no further entries", "no further buys", "don't buy again", "do not buy again", "don't trade again", "do not trade again", "no trade"),
    "rest_of_day": ("that day", "for the day", "that same day", "the same day", "on that day", "on the same day", "for the rest of the day", "the rest of the day", "for the rest of that day", "until tomorrow", "until the next day", "till tomorrow"),
    "risk": ("risk", "risking", "risks", "the risk", "my risk"),
    "next_open": ("the next day's open", "next day's open", "the following day's open", "the next morning's open", "next morning's open", "the next session's open", "tomorrow's open", "the next open", "next open", "the next market open", "tomorrow at the open", "the next day's opening", "the next trading day's open"),
    "next_day": ("the next day", "next day", "the following day", "the next morning", "next morning", "the next trading day", "the day after", "of the next day", "the next day's", "on the next day"),
    "held": ("after holding for", "after holding it for", "holding for", "holding it for", "holding", "being in for"),
    "average": ("average", "avg", "avg.", "moving average", "mean", "ma", "averages", "moving averages", "mas"),
    "high": ("high", "highest high", "highs", "highest price"),
    "low": ("low", "lowest low", "lows", "lowest price"),
    "highest": ("highest",),
    "lowest": ("lowest",),
    "new": ("a new", "new"),
    "breakout": ("breakout", "breakouts", "break out", "the breakout", "a breakout"),
    "yesterday": ("prev day", "prev day's", "previous days", "yesterday's", "previous day's", "the previous day's", "yesterdays", "previous day", "the previous day", "prior day's", "prior day", "the prior day's", "the day before's", "last day's", "yesterday"),
    "today": ("today's", "the day's", "the days", "todays"),
    "band": ("bollinger",  "bollinger band", "band", "bollinger", "bollinger bands", "bands", "bb", "bbs", "bbands", "boll"),
    "keltner": ("keltner channel", "keltner", "keltner band", "keltner channels", "keltner bands", "kc"),
    "donchian": ("donchian channel", "donchian", "donchian channels", "donchian band"),
    "upper": ("upper",),
    "lower": ("lower", "bottom"),
    "middle": ("middle", "mid", "center", "centre"),
    "signal": ("signal line", "signal"),
    "histogram": ("histogram", "hist"),
    "volume": ("volume",),
    "k_line": ("%k", "% k", "k line", "k"),
    "j_line": ("%j", "j line", "j"),
    "cloud": ("cloud", "ichimoku cloud", "kumo", "kumo cloud"),
    "d_line": ("%d", "% d", "d line", "d"),
    "plus_di": ("+di", "plus di", "di+", "+ di"),
    "minus_di": ("-di", "minus di", "di-", "- di", "−di"),
    "engulfing": ("bullish engulfing", "bullish engulfing candle", "bullish engulfing pattern", "bullish engulfing bar"),
    "last": ("last", "previous", "prior", "past", "prev"),
    "gap_up": ("gaps up", "gap up", "gapped up", "opens with a gap up", "gap-up"),
    "gap_down": ("gaps down", "gap down", "gapped down", "opens with a gap down", "gap-down"),
    "opens": ("opens", "opened"),
    "limit_order": ("limit order", "a limit order", "limit buy", "limit buy order", "buy limit", "buy limit order", "limit"),
    "good_for": ("good for", "valid", "expires in", "cancel if not filled in", "cancel if not filled within", "valid for", "cancel after", "cancelled after", "canceled after", "expires after", "cancel it after", "expiring after"),
    "opposite": ("vice versa", "reverse", "opposite"),
    "opposite_cross": ("the cross in the other direction", "a cross in the other direction", "a cross the other way", "the cross the other way", "a reverse cross", "an opposite cross", "the opposite crossover happens", "the cross reverses", "other way round", "the other way round", "the other way around", "other way around", "the opposite way", "the opposite cross over", "cross back", "cross back down", "the opposite crossing", "a cross back", "the reverse", "the opposite", "reverse cross", "the opposite cross", "the reverse cross", "opposite cross", "reverse cross", "the opposite signal", "opposite signal", "the reverse signal", "the opposite crossover", "the cross back", "the cross back down", "the reverse crossover", "the opposite happens", "the opposite is true", "it crosses back down", "they cross back down", "it reverses"),
    "otherwise": ("otherwise", "else"),
    "then": ("then", "and then"),
    "symbol_word": ("symbol", "ticker", "instrument", "asset", "market", "pair", "underlying"),
    "time_frame": ("timeframe", "time frame", "chart", "tf", "charts", "basis"),
    "first": ("the first", "first", "those first", "the opening"),
    "final": ("the last", "the final", "final"),
    "of_the_day": ("of the day", "of trading", "of the session", "after the open", "of the trading day", "of the market", "after market open", "after the market opens", "after the market open", "of each day"),
    "to_the_close": ("before the bell", "to the close", "to the bell", "before the session ends", "before the market shuts", "before the close", "before market close", "before the market close", "before the market closes", "before close", "before the end of the day", "before the closing bell"),
    "at_close": ("before the bell", "the closing bell", "before the session ends", "at the bell", "by the bell", "by the closing bell", "at session end", "at the close", "the close of the day", "at market close", "at the market close", "end of day", "end of the day", "at the end of the day", "at end of day", "eod", "at the closing bell", "by the close", "before the close", "before the market closes", "before market close", "before the end of the day", "by end of day", "by the end of the day", "at close", "on the close", "at the end of the session"),
    "at_open": ("the open", "at the open", "at market open", "at the market open", "at the opening bell", "on the open", "at open"),
    "morning": ("in the morning", "in the mornings"),
    "afternoon": ("in the afternoon", "in the afternoons"),
    "weekdays": ("weekdays",),
    "overnight": ("over the night", "overnight", "over night"),
    "every_day": ("every day", "each day", "every trading day", "each trading day", "any day"),
    "take": ("take", "takes"),
    "range_high": ("the range high", "range high", "the high of the range", "the opening range high", "opening range high", "the top of the range", "the high of the opening range", "orb high", "or high", "the range's high"),
    "range_low": ("the range low", "range low", "the low of the range", "the opening range low", "opening range low", "the bottom of the range", "the low of the opening range", "orb low", "or low", "the range's low", "the other side of the range"),
    "opening_range": ("opening range breakout", "opening range", "orb", "the opening range", "opening range breakouts"),
    "break_even": ("break even", "break-even", "breakeven"),
    "move_stop": tuple(f"{verb} {which}stop{loss} to" for verb in ("move", "moves", "raise", "set", "bring", "pull", "shift") for which in ("", "the ", "my ") for loss in ("", " loss", "-loss")),
    "deviations": ("standard deviations", "standard deviation", "std devs", "std dev", "stdev", "sigma", "sigmas", "std", "sd", "stds"),
    "ago": ("ago", "earlier", "bars back"),
    "peak": ("the highest close since entry", "the highest close since the entry", "the highest close since i bought", "the highest close since the purchase", "its highest close since entry"),
    "lower_close": ("a lower close", "the first lower close", "lower close", "lower closes", "down close", "down closes", "first lower close", "falling closes", "it closes lower than the bar before", "it closes lower than the one before"),
    "higher_close": ("last close higher than the one before", "close higher than the one before", "the close is higher than the one before", "a higher close", "the first higher close", "higher close", "higher closes", "up close", "up closes", "rising closes"),
    "no_more": ("only long", "only longs", "longs only", "long trades only", "no shorts", "no shorting", "no short selling", "no short trades", "never short", "never go short", "don't short", "long side only", "only the long side", "doesn't matter where", "does not matter where", "no matter where", "no matter the time", "no matter what time", "no matter what time it is", "no matter when", "no matter what", "whatever the time", "regardless of the time", "regardless of time", "selling is always allowed", "sells are never ignored", "sells are always allowed", "exits are always allowed", "selling is allowed any time", "selling is fine any time", "selling is always ok", "selling is okay any time", "exits are allowed any time", "whenever that happens", "whenever it happens", "sells can happen any time", "exits can happen any time", "selling is not restricted", "sells are not restricted", "exits are not restricted", "exits at any time", "sells at any time", "exits are always on", "no other exit", "no other exits", "don't use any other exit", "do not use any other exit", "no other sell rule", "no other rule for selling", "no other way out", "no other rules", "nothing else", "no sell signal otherwise", "no other sell signal"),
    "trend": ("supertrend", "super trend"),
    "sar": ("parabolic sar", "psar", "sar"),
    "atr": ("atr", "average true range", "atrs"),
    "which": ("that", "which"),
    "again": ("again",),
    "first_time": ("the first time", "first time"),
    "no_buying": ("ignore buy signals", "ignore all buy signals", "ignore buys", "ignore entries", "ignore long signals", "ignore entry signals", "ignore the signal", "skip buys", "skip entries", "skip buy signals", "skip the trade", "skip the entry", "skip the buy", "skip it", "no buying", "no buys", "no entries", "no new entries", "no new buys", "no entry", "no buy", "no new trades", "no new positions", "nothing new", "nothing", "stay out", "stay away", "sit out", "don't take it", "don't take the trade", "do not take it", "do not take the trade", "don't enter", "do not enter", "stop buying", "don't open anything", "don't open new positions", "don't open any", "no longs", "don't buy anything", "dont buy anything"),
    "sometime": ("at some point", "at some time", "at any point", "at any time", "sometime", "at least once"),
    "named": ("mark", "note", "record", "remember", "track", "draw"),
    "all_of": ("all of the following", "all of these", "all of the above", "all three", "all two", "all four", "all conditions", "all of the following are true", "all of the following conditions are met", "all these conditions are met", "all of these are true", "all of these conditions are met", "all conditions are met", "all are true", "all these are true", "the following conditions are met", "the following are true", "both of these", "both of the following", "all the conditions are met", "all of them are true", "all of these conditions", "all these conditions", "all three conditions", "all three are true", "both conditions are met", "both are true"),
    "any_of": ("any of the following", "any of these", "any one of", "any one of these", "one of the following", "one of these", "either of these", "either of the following", "any of the above", "at least one of these", "at least one of the following", "the first of", "whichever of these comes first", "any of these conditions", "any of the conditions", "whichever comes first of", "any of"),
    "one_of_them": ("one of them", "either of them", "either one", "any of them", "one of the two", "either of the two", "at least one of them"),
    "just": ("just",),
    "aroon": ("aroon", "aroon indicator"),
    "outside_that": ("outside of that", "outside of those hours", "outside those hours", "outside of that window", "outside that window", "outside these hours", "outside of these hours", "outside of those times", "outside those times"),
    # What says nothing: politeness, articles, what a sentence needs. No word that restricts, denies or counts.
    "": (
        "at the market", "at market", "at market price", "at the market price", "with a market order", "either way", "in any case", "in either case", "no matter which", "sharp", "exactly", "on the dot", "hey guys", "guys", "noob here", "newbie here", "beginner here", "total beginner here", "new here", "first post", "too", "as well", "now", "right now", "currently", "at that moment", "at that time", "at that point", "of course", "obviously", "btw", "kind regards", "best regards", "regards", "ty", "tia", "cheers all", "in those windows", "in those hours", "during those hours", "during those times", "during those windows", "in that window", "during that window", "in these windows", "within those hours", "within those windows", "there you go", "pretty simple", "nothing fancy", "super simple", "something simple", "a simple one", "here it is", "here goes", "please code", "code up", "can someone code", "can somebody code", "can anyone code", "could someone code", "can you code", "can you build", "can you write", "can you make", "could you write", "could you build", "could you code", "could you make", "i'm looking to", "i am looking to", "i'm trying to", "i am trying to", "try to", "i like to", "i prefer to", "would love to", "i'd love to", "i plan to", "you can", "we should", "i basically want to", "basically", "simply", "the logic is", "the logic", "logic is", "the logic is simple", "very simple", "the setup is", "my setup is", "the system is", "my system is", "the strategy should", "the bot should", "the strategy must", "the bot must", "it needs to", "the bot will", "the strategy will", "lol", "haha", "guys,", "folks", "everyone", "all right", "alright", "ok so", "a bot", "an algo", "a strategy", "an algorithm", "a system", "a script", "algo", "algorithm", "the", "a", "an", "please", "i", "we", "you", "want to", "would like to", "i'd like to", "i want to", "i want you to", "can you", "could you", "can u", "would you", "let's", "lets", "i will", "i'll", "i need to", "is there a way to", "what i'd like", "what i would like", "quick one", "would it be possible to", "i was wondering if you could make", "was wondering if you could make", "i was wondering if you could", "wanna", "i wanna", "gonna", "should", "must", "will", "i would", "it should", "it must", "it will", "you should",
        "strategy that", "a strategy that", "a strategy which", "a strategy to", "write a strategy that", "make a strategy that", "build a strategy that", "create a strategy that", "write a strategy which", "write me a strategy that", "make me a strategy that", "build me a strategy that", "a bot that", "a bot which", "a bot to", "a script that", "an algo that", "an algorithm that", "something that",
        "make me", "build me", "write me", "make", "build", "create", "write", "code", "give me", "i want", "i'd like", "i need", "we want", "i am looking for", "i'm looking for", "need", "want", "looking for", "help me", "set up",
        "hi", "hello", "hey", "thanks", "thank you", "thx", "pls", "plz", "cheers", "hi there", "hi all", "thanks in advance", "in advance", "that's it", "that's all", "simple", "basic", "very", "current", "this", "code this", "the following", "all trades", "for all trades", "do this", "hey there", "evening", "a strategy where you", "a strategy where it", "the system", "my strategy is", "my strategy", "the strategy is", "the strategy", "the rules are", "rules are", "my rules are", "my idea is", "the idea is", "here is my strategy", "here's my strategy", "here are my rules", "here is my idea", "here's my idea", "here are the rules", "the plan is", "my plan is", "the plan", "i would like", "for me", "me",
        "strategy", "bot", "value", "indicator", "reading", "line", "my", "whichever comes first", "whichever happens first", "long only", "long-only", "also", "automatically", "so", "ok", "okay", "some", "immediately",
    ),
}  # fmt: skip
COLUMNS = {
    "price": "close", "the price": "close", "close": "close", "closing price": "close", "the close": "close", "share price": "close", "stock price": "close", "my equity": "account_equity", "my account's equity": "account_equity", "my cash": "account_cash",
    "my account": "account_equity", "the account": "account_equity", "my account's cash": "account_cash", "bar's open": "open", "bar's high": "high", "bar's low": "low", "candle's open": "open", "candle's high": "high", "candle's low": "low",
    "the days open": "day_open", "days open": "day_open", "the day open": "day_open", "todays open": "day_open", "the daily open": "day_open", "daily open": "day_open", "the session open": "day_open", "session open": "day_open", "the open of the day": "day_open", "open of the day": "day_open", "the opening price of the day": "day_open",
    "the days high": "day_high", "todays high": "day_high", "the daily high": "day_high", "the session high": "day_high", "the days low": "day_low", "todays low": "day_low", "the daily low": "day_low", "the session low": "day_low",
    "yesterdays close": "yesterday_close", "the prior close": "yesterday_close", "the previous close": "yesterday_close", "prev close": "yesterday_close", "last night's close": "yesterday_close", "the last close of yesterday": "yesterday_close",
    "pdh": "yesterday_high", "pdl": "yesterday_low", "pdc": "yesterday_close", "today's open": "day_open", "the day's open": "day_open", "the opening price": "day_open", "opening price": "day_open", "today's opening price": "day_open",
    "the day's high": "day_high", "today's high": "day_high", "the high of the day": "day_high", "high of the day": "day_high", "hod": "day_high", "intraday high": "day_high", "the day's low": "day_low", "today's low": "day_low", "the low of the day": "day_low", "low of the day": "day_low", "lod": "day_low", "intraday low": "day_low", "session high": "day_high", "session low": "day_low",
    "the low of the engulfing candle": "low", "the low of that candle": "low", "the low of the signal candle": "low", "the low of the signal bar": "low", "the low of the entry bar": "low", "the low of the candle": "low", "the low of the bar": "low", "the low of the current bar": "low", "the low of that bar": "low", "the candle's low": "low", "prev day close": "yesterday_close", "previous day close": "yesterday_close", "prior day close": "yesterday_close",
    "prior close": "yesterday_close", "previous close": "yesterday_close", "yesterday's close": "yesterday_close", "the previous day's close": "yesterday_close",
}  # fmt: skip
_HLC, _HLCV = "bars.high, bars.low, bars.close", "bars.high, bars.low, bars.close, bars.volume"
# Indicators of one line: how a rule has them, and their usual lengths, the first of which is taken where none is said.
INDICATORS: dict[str, tuple[str, tuple[float, ...]]] = {
    "rsi": ("ta.rsi(bars.close, length={0})", (14,)),
    "mfi": (f"ta.mfi({_HLCV}, length={{0}})", (14,)),
    "cci": (f"ta.cci({_HLC}, length={{0}})", (14, 20)),
    "willr": (f"ta.willr({_HLC}, length={{0}})", (14,)),
    "adx": (f"ta.adx({_HLC}, length={{0}}).adx", (14,)),
    "roc": ("ta.roc(bars.close, length={0})", ()),
    "cmf": (f"ta.cmf({_HLCV}, length={{0}})", (20,)),
    "atr": (f"ta.atr({_HLC}, length={{0}})", (14,)),
    "sma": ("ta.sma(bars.close, length={0})", ()),
    "ema": ("ta.ema(bars.close, length={0})", ()),
    "wma": ("ta.wma(bars.close, length={0})", ()),
    "hma": ("ta.hma(bars.close, length={0})", ()),
    "dema": ("ta.dema(bars.close, length={0})", ()),
    "tema": ("ta.tema(bars.close, length={0})", ()),
    "vwap": (f"ta.vwap({_HLCV})", (0,)),
    "stochrsi": ("ta.stochrsi(bars.close, length={0}, rsi_length={0}).k", (14,)),
    "zscore": ("ta.zscore(bars.close, length={0})", ()),
    "linregslope": ("ta.linregslope(bars.close, length={0})", ()),
    "linreg": ("ta.linreg(bars.close, length={0})", ()),
    "mom": ("ta.mom(bars.close, length={0})", ()),
    "cmo": ("ta.cmo(bars.close, length={0})", (14,)),
    "chop": (f"ta.chop({_HLC}, length={{0}})", (14,)),
    "natr": (f"ta.natr({_HLC}, length={{0}})", (14,)),
    "vwma": ("ta.vwma(bars.close, bars.volume, length={0})", ()),
    "kama": ("ta.kama(bars.close, length={0})", ()),
    "aroonup": ("ta.aroon(bars.high, bars.low, length={0}).up", (14, 25)),
    "aroondown": ("ta.aroon(bars.high, bars.low, length={0}).down", (14, 25)),
}
# Those that are prices.
OF_PRICE = (
    frozenset({"sma", "ema", "wma", "hma", "dema", "tema", "vwap", "vwma", "kama", "linreg"}) | registered.OF_PRICE
)
# Where they are oversold and overbought.
LEVELS = {"ta.rsi": (30.0, 70.0), "ta.mfi": (20.0, 80.0), "ta.stoch": (20.0, 80.0), "ta.willr": (-80.0, -20.0), "ta.cci": (-100.0, 100.0), "ta.stochrsi": (20.0, 80.0)}  # fmt: skip
CALLED = {
    "rsi": ("rsi", "relative strength index"), "mfi": ("mfi", "money flow index"), "cci": ("cci", "commodity channel index"), "willr": ("williams %r", "williams r", "willr", "williams", "%r"), "adx": ("adx",), "cmf": ("cmf", "chaikin money flow"), "atr": ("atr", "average true range", "atrs"),
    "roc": ("roc", "rate of change"), "sma": ("sma", "simple moving average", "smas", "simple moving averages", "simple ma"), "ema": ("ema", "exponential moving average", "emas", "exponential moving averages", "exponential ma"), "wma": ("wma", "weighted moving average"), "hma": ("hma", "hull moving average", "hull ma"), "vwap": ("vwap",),
    "zscore": ("z-score", "zscore", "z score"), "linregslope": ("linreg slope", "linear regression slope", "slope of the linear regression"), "linreg": ("linreg", "linear regression"), "cmo": ("cmo", "chande momentum oscillator"), "chop": ("choppiness index", "choppiness", "chop"), "natr": ("natr",), "vwma": ("vwma", "volume weighted moving average"), "kama": ("kama",),
    "aroonup": ("aroon up", "aroon-up"), "aroondown": ("aroon down", "aroon-down"), "trix": ("trix",), "pvo": ("pvo", "percentage volume oscillator"), "ppo": ("ppo",), "tsi": ("tsi", "true strength index"), "dema": ("dema",), "tema": ("tema",), "macd": ("macd", "macd line"), "stoch": ("stochastic", "stoch", "stochastics", "stochastic oscillator", "slow stochastic"), "stochrsi": ("stochrsi", "stoch rsi", "stochastic rsi"),
}  # fmt: skip
_NUMBERS = {word: float(number) for number, word in enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"))} | {"fifteen": 15.0, "twenty": 20.0, "thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "seventy": 70.0, "eighty": 80.0, "ninety": 90.0}  # fmt: skip
# By their usual names; the two shares of Google are read as one.
COMPANIES = {
    "apple": "AAPL", "tesla": "TSLA", "microsoft": "MSFT", "nvidia": "NVDA", "amazon": "AMZN", "google": "GOOG", "alphabet": "GOOG", "meta": "META", "facebook": "META", "netflix": "NFLX",
    "amd": "AMD", "intel": "INTC", "ibm": "IBM", "bitcoin": "BTC/USD", "btc": "BTC/USD", "ethereum": "ETH/USD", "ether": "ETH/USD", "eth": "ETH/USD", "disney": "DIS", "paypal": "PYPL", "boeing": "BA", "ford": "F", "coca-cola": "KO", "coca cola": "KO", "coke": "KO",
    "pepsi": "PEP", "pepsico": "PEP", "mcdonald's": "MCD", "mcdonalds": "MCD", "walmart": "WMT", "costco": "COST", "starbucks": "SBUX", "nike": "NKE", "exxon": "XOM", "chevron": "CVX", "jpmorgan": "JPM", "goldman sachs": "GS", "goldman": "GS", "bank of america": "BAC", "palantir": "PLTR",
    "airbnb": "ABNB", "coinbase": "COIN", "salesforce": "CRM", "oracle": "ORCL", "adobe": "ADBE", "broadcom": "AVGO", "qualcomm": "QCOM", "micron": "MU", "spotify": "SPOT", "shopify": "SHOP", "gamestop": "GME", "johnson & johnson": "JNJ", "pfizer": "PFE", "totalenergies": "TTE", "caterpillar": "CAT",
    "general motors": "GM", "general electric": "GE", "at&t": "T", "verizon": "VZ", "visa": "V", "mastercard": "MA", "solana": "SOL/USD", "dogecoin": "DOGE/USD", "litecoin": "LTC/USD",
    "苹果": "AAPL", "特斯拉": "TSLA", "英伟达": "NVDA", "微软": "MSFT", "谷歌": "GOOG", "亚马逊": "AMZN", "比特币": "BTC/USD", "アップル": "AAPL", "テスラ": "TSLA", "エヌビディア": "NVDA", "マイクロソフト": "MSFT", "グーグル": "GOOG", "アマゾン": "AMZN", "ビットコイン": "BTC/USD",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_][\w.&'’/-]*")


def names_symbol(text: str, symbol: str) -> bool:
    """Tells whether a text names a symbol: by itself, by the name of what it is of, nearly by one of these, or by a name of its own that nobody here knows."""
    base = symbol.partition("/")[0].lower()
    called = [symbol.lower(), base, *(name for name, of in COMPANIES.items() if of.partition("/")[0].lower() == base)]
    # “A 2 % stop” does not name the symbol A.
    if any(re.search(rf"(?<![A-Za-z]){re.escape(each.upper() if len(each) < 3 else each)}(?![A-Za-z])", text, 0 if len(each) < 3 else re.IGNORECASE) for each in called):  # fmt: skip
        return True
    words = [each.strip(".,'’/-") for each in _WORD.findall(text)]
    if any(get_close_matches(each.lower(), called, 1, 0.75) for each in words if len(each) > 2):
        return True
    # “Switch to Rivian”: a proper name behind other words.
    return any(each[:1].isupper() and each[1:].islower() for each in words[1:])


def mostly_beyond(side: str, sign: str, level: float, *, middle: bool = False) -> bool:
    """Tells whether an oscillator is mostly beyond a level, so that words of a move past it can only mean the moment.

    Args:
        side: The oscillator, as a rule has it.
        sign: On which side of the level it comes to be.
        level: The level.
        middle: Whether it is so at the middle of its levels too.
    """
    levels = LEVELS.get(side.split("(", maxsplit=1)[0])
    if levels is None:
        return False
    between = sum(levels) / 2
    beyond = level < between if sign[0] == ">" else level > between
    return beyond or (middle and level == between)


# Symbols that are written in lower case too, since they are no words.
TICKERS = frozenset(("aapl", "msft", "goog", "googl", "amzn", "tsla", "nvda", "nflx", "intc", "spy", "qqq", "iwm", "voo", "vti", "dia", "tqqq", "sqqq", "gme", "amc", "pltr", "nvda", "amd", "tsm", "xom", "jpm", "avgo", "mstr", "smci"))  # fmt: skip
# Indexes, futures, rates and goods, which nobody trades here as such and of which there are no bars; a stock that is called so is named behind a dollar sign.
INDEXES = frozenset(("VIX", "SPX", "NDX", "DJI", "DJIA", "DOW", "RUT", "COMP", "IXIC", "GSPC", "DXY", "TNX", "VXN", "NYSE", "TICK", "ADD", "FTSE", "DAX", "CAC", "FED", "FOMC", "CPI", "GDP", "NFP", "ES", "NQ", "YM", "RTY", "GC", "CL", "GOLD", "OIL"))  # fmt: skip
# Names of kinds of strategies: they say nothing that the rules after them do not say.
STYLES = (
    "mean reversion", "mean-reversion", "trend following", "trend-following", "momentum", "scalping", "scalp", "scalper", "swing", "swing trade", "swing trading", "day trading", "day trade", "intraday", "breakout", "bounce", "pullback", "dip buying", "buy the dip", "buying the dip", "reversal", "trend", "turtle", "turtle trading", "connors", "scale out", "scaling out", "strategy", "system", "setup", "idea", "rules", "play", "trading", "reclaim",
    "crossover", "cross", "x-over", "golden cross", "squeeze", "risk management", "exits", "entries", "filter", "time filter", "trend filter", "simple", "bot", "algo", "classic", "method", "basic", "bracket", "oco", "oco bracket", "dip", "dips", "buy dips", "buying dips",
)  # fmt: skip

PHRASES: dict[str, tuple[str, str | float]] = {}
for _kind, _said in WORDS.items():
    for _phrase in _said:
        PHRASES.setdefault(_phrase, (_kind, _phrase))
PHRASES |= {phrase: ("column", column) for phrase, column in COLUMNS.items()}
PHRASES |= {phrase: ("indicator", name) for names in (registered.NAMES, CALLED) for name, said in names.items() for phrase in said}  # fmt: skip
_PACES = ("fast", "slow", "faster", "slower", "short", "shorter", "longer", "quick", "short-term", "long-term")
PHRASES |= {
    f"{pace} {phrase}": ("indicator", name) for pace in _PACES for name in ("sma", "ema") for phrase in CALLED[name]
}
PHRASES |= {f"{pace} {phrase}": ("average", phrase) for pace in _PACES for phrase in WORDS["average"]}
for _day, _name in enumerate(each.lower() for each in DAYS):
    PHRASES |= dict.fromkeys((_name, f"{_name}s", _name[:3]), ("day", float(_day)))
PHRASES |= dict.fromkeys(("tues",), ("day", 1.0)) | dict.fromkeys(("thurs", "thur"), ("day", 3.0))
PHRASES |= {word: ("number", value) for word, value in _NUMBERS.items()}
PHRASES |= dict.fromkeys(("zero line", "the zero line", "0 line", "zero-line", "zeroline", "0-line"), ("number", 0.0))
PHRASES |= {
    "the second": ("number", 2.0),
    "the third": ("number", 3.0),
    "the fourth": ("number", 4.0),
    "the fifth": ("number", 5.0),
}
PHRASES |= {
    "a percent": ("percent", 1.0),
    "half a percent": ("percent", 0.5),
    "half percent": ("percent", 0.5),
    "a half percent": ("percent", 0.5),
    "half of a percent": ("percent", 0.5),
    "a quarter percent": ("percent", 0.25),
    "a quarter of a percent": ("percent", 0.25),
    "one and a half percent": ("percent", 1.5),
}
PHRASES |= {
    f"{_word} {_unit}": ("percent", _value) for _word, _value in _NUMBERS.items() for _unit in ("percent", "per cent")
}
PHRASES |= {
    f"{_word} {_kind}days": ("days", _value)
    for _word, _value in _NUMBERS.items()
    if _value > 1
    for _kind in ("", "trading ", "business ")
}
PHRASES |= {f"one {_kind}day": ("days", 1.0) for _kind in ("", "trading ", "business ")}
PHRASES |= {"noon": ("time", 720.0), "midday": ("time", 720.0)}
# “Entry rules:”, “Exit when:”, with what belongs to them.
_RULES = r"(?:\s+(?:rules?|conditions?|signals?|criteria|setup|logic|trigger|condition))?(?:\s+(?:when|if))?"
LABELS = (
    (
        "entry_label",
        re.compile(
            rf"(?:long\s+|buy\s+)?(?:entry|entries|buy|long|enter){_RULES}\s*(?::|=(?!=))|(?:entry\s+|buy\s+|long\s+)?signal\s*(?::|=(?!=))|(?:long\s+)?(?:entry|entries)\s+(?:when|if|on|as soon as)\b",
            re.IGNORECASE,
        ),
    ),
    ("exit_label", re.compile(rf"(?:long\s+|sell\s+)?(?:exit|exits|sell|close){_RULES}\s*(?::|=(?!=))", re.IGNORECASE)),
)
