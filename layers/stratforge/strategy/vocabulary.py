"""The words of the language. The checker, the reference page and the model's prompt read these tables."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from stratforge.market.clocks import CLOCKS, clock_field, place_in_words
from stratforge.market.columns import PRICE_COLUMNS
from stratforge.strategy.findings import Code

MAX_INDICATORS = 64
MAX_STATE_KEYS = 32
# Other symbols that a strategy of one symbol looks at.
MAX_OTHERS = 3
MAX_LOOP = 1_000
MAX_NESTED_LOOPS = 8

# Fields of bar.time, with the column of the bars that each is and its meaning.
TIME_FIELDS = {
    "hour": ("hour", "hour of the day, 0 to 23, at which the bar begins"),
    "minute": ("minute", "minute of the hour, 0 to 59"),
    "weekday": ("weekday", "day of the week: Monday is 0"),
    "day": ("day_of_month", "day of the month, from 1"),
    "month": ("calendar_month", "month, 1 to 12"),
    "year": ("calendar_year", "year"),
    "minutes_to_close": (
        "minutes_to_close",
        "minutes from the beginning of the bar to the exchange's close, early closes included: 1 on the last bar, 0 after it; unknown for crypto",
    ),
    **{
        clock_field(place): (
            clock_field(place),
            f"minute of the day on the clocks of {place_in_words(place)}, on its own days of summer time: 16:30 is 990",
        )
        for place in CLOCKS
    },
}
# The days of the week by `weekday`.
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# What bar has besides of prices, without `.time`.
SHORT_TIME_FIELDS = ("hour", "minute", "weekday")
BAR_FIELDS = frozenset(
    (*PRICE_COLUMNS, *SHORT_TIME_FIELDS, *(column for column, _ in TIME_FIELDS.values()), "time", "previous")
)
POSITION_FIELDS = {
    "quantity": "shares or coins held, negative while short; 0 when flat",
    "average_entry_price": "average price paid, or while short got; 0 when flat",
    "entry_price": "the same",
    "unrealized_return": "close / average_entry_price - 1, while short 1 - close / average_entry_price; 0 when flat",
    "bars_held": "bars held so far, this one included: 1 on the first; 0 when flat",
    "max_favorable": "highest price of the bars held so far, this one included, while short the lowest; 0 when flat",
    "max_adverse": "lowest price of the bars held so far, this one included, while short the highest; 0 when flat",
}
# Extremes of the bars held: the key of state that keeps each (longer than a strategy's own may be), the price it is made of, and
# what a price must be to take its place.
EXTREMES = {
    "max_favorable": ("position_max_favorable_among_the_bars_held_so_far", "high", ">"),
    "max_adverse": ("position_max_adverse_among_the_bars_held_so_far", "low", "<"),
}
# Fields of the account: the key of state in which each is given to a strategy, and its meaning.
ACCOUNT_KEYS = CASH_KEY, EQUITY_KEY, POWER_KEY = tuple(
    f"account_{name}_as_it_was_when_the_bar_ended" for name in ("cash", "equity", "buying_power")
)
ACCOUNT_FIELDS = {
    "equity": (EQUITY_KEY, "cash and what everything held is worth: what a fraction of a purchase is of"),
    "cash": (CASH_KEY, "money that is not held back for orders; while short it holds what the sale brought"),
    "buying_power": (
        POWER_KEY,
        "what may be spent: the cash, while short less what covering costs and what opening at that price needs, and no less than 0",
    ),
}
EXTREME_KEYS = frozenset(key for key, _, _ in EXTREMES.values())
NUMPY_CONSTANTS = {"nan": math.nan, "inf": math.inf, "pi": math.pi, "e": math.e}


@dataclass(frozen=True, slots=True)
class NumpyFunction:
    """A function of np.: the operation it is, and how many arguments it takes."""

    operation: str
    arity: int
    summary: str
    logical: bool = False


NUMPY_FUNCTIONS = {
    "abs": NumpyFunction("absolute", 1, "absolute value"),
    "sqrt": NumpyFunction("square_root", 1, "square root; unknown below 0"),
    "log": NumpyFunction("logarithm", 1, "natural logarithm; unknown at 0 and below"),
    "log10": NumpyFunction("logarithm10", 1, "logarithm to base 10; unknown at 0 and below"),
    "exp": NumpyFunction("exponential", 1, "e to the power of x"),
    "sign": NumpyFunction("sign", 1, "-1, 0 or 1"),
    "floor": NumpyFunction("floor", 1, "next whole number below"),
    "ceil": NumpyFunction("ceiling", 1, "next whole number above"),
    "maximum": NumpyFunction("maximum", 2, "the larger of two"),
    "minimum": NumpyFunction("minimum", 2, "the smaller of two"),
    "isnan": NumpyFunction("is_nan", 1, "whether the value is not known", logical=True),
    "where": NumpyFunction("where", 3, "x where the condition holds, else y"),
}


@dataclass(frozen=True, slots=True)
class SeriesMethod:
    """A method of series; `operation` is empty for one that changes nothing."""

    summary: str
    names: tuple[str, ...] = ()
    defaults: dict[str, float | bool] = field(default_factory=dict)
    operation: str = ""
    logical: bool = False


SERIES_METHODS = {
    "shift": SeriesMethod("the value of periods bars ago", ("periods",), {"periods": 1.0}),
    "diff": SeriesMethod("change over periods bars", ("periods",), {"periods": 1.0}),
    "pct_change": SeriesMethod("relative change over periods bars", ("periods",), {"periods": 1.0}),
    "rolling": SeriesMethod(
        "the last window bars; min_periods, if given, is the window", ("window", "min_periods"), {"min_periods": 0.0}
    ),
    "ewm": SeriesMethod("exponential weights, with mean(): span=, com=, halflife= or alpha=, adjust=, min_periods="),
    "clip": SeriesMethod("bounded values", ("lower", "upper"), {"lower": math.nan, "upper": math.nan}),
    "abs": SeriesMethod("absolute value", operation="absolute"),
    "round": SeriesMethod("rounded to decimals", ("decimals",), {"decimals": 0.0}),
    "fillna": SeriesMethod("value where not known", ("value",)),
    "ffill": SeriesMethod("the latest known value of the day", operation="ffill"),
    "isna": SeriesMethod("whether not known", operation="is_nan", logical=True),
    "notna": SeriesMethod("whether known", operation="not_nan", logical=True),
}
ROLLING_METHODS = {
    "mean": "average",
    "sum": "sum",
    "min": "smallest",
    "max": "largest",
    "median": "median",
    "std": "standard deviation (ddof=1, or what is given)",
    "var": "variance (ddof=1, or what is given)",
    "quantile": "quantile q",
}

_WHOLE = (Code.LOOK_AHEAD, "It reads the whole series, future included; use rolling(n) or compare in on_bar")
_RUNNING = (Code.UNBOUNDED, "It reaches back to the first bar; use rolling(n)")
# Words that people and models reach for, and what to write instead.
REFUSED_METHODS: dict[str, tuple[Code, str]] = {
    **dict.fromkeys(
        (
            "mean",
            "sum",
            "min",
            "max",
            "std",
            "var",
            "median",
            "quantile",
            "rank",
            "idxmax",
            "idxmin",
            "argmax",
            "argmin",
            "any",
            "all",
            "describe",
            "corr",
            "cov",
            "mode",
            "nlargest",
            "nsmallest",
            "unique",
            "value_counts",
            "values",
            "to_numpy",
            "array",
            "index",
            "sort_values",
            "last",
            "tail",
            "head",
            "first",
            "iloc",
            "loc",
            "iat",
            "at",
            "tolist",
            "size",
            "count",
            "quantile_rank",
            "skew",
            "kurt",
            "sem",
            "prod",
            "product",
        ),
        _WHOLE,
    ),
    **dict.fromkeys(("cumsum", "cummax", "cummin", "cumprod", "expanding"), _RUNNING),
    "bfill": (Code.LOOK_AHEAD, "It fills with future values; use ffill()"),
    "backfill": (Code.LOOK_AHEAD, "It fills with future values; use ffill()"),
    "interpolate": (Code.LOOK_AHEAD, "It reads future values; use ffill()"),
    "dropna": (
        Code.NOT_IN_LANGUAGE,
        "Use fillna(value) or ffill(); comparisons with unknown values are false",
    ),
    "resample": (Code.NOT_IN_LANGUAGE, 'Write bars.resample("15min").close: bars are resampled, not series'),
    "apply": (Code.NOT_IN_LANGUAGE, "Write the formula with series arithmetic"),
    "map": (Code.NOT_IN_LANGUAGE, "Write the formula with series arithmetic"),
    "where": (Code.NOT_IN_LANGUAGE, "Use np.where(condition, x, y)"),
    "mask": (Code.NOT_IN_LANGUAGE, "Use np.where(condition, x, y)"),
    "astype": (Code.NOT_IN_LANGUAGE, "Comparisons count as 1 and 0; leave astype out"),
    "iterrows": (Code.NOT_IN_LANGUAGE, "on_bar is called for every bar"),
    "groupby": (
        Code.NOT_IN_LANGUAGE,
        "ta.vwap is anchored to the day; use bar.hour and bar.minute in on_bar",
    ),
}
REFUSED_METHODS["ta.ha"] = (
    Code.NOT_IN_LANGUAGE,
    "Heikin-Ashi candles reach back to the first bar; their close is ta.ohlc4(bars.open, bars.high, bars.low, bars.close), and "
    "their open is nearly its ta.ema(..., length=3).shift(1)",
)
# Decisions in other platforms' words.
REFUSED_SIGNALS = {
    **dict.fromkeys(
        ("sell_short", "go_short", "enter_short"),
        "Write return short(), which sessions do where the account has short selling enabled; sell() never goes below zero",
    ),
    **dict.fromkeys(("buy_to_cover", "exit_short", "close_short"), "Write return cover()"),
    **dict.fromkeys(("close", "exit", "close_position", "exit_long", "flatten", "liquidate"), "Write return sell()"),
    **dict.fromkeys(("long", "enter", "go_long", "enter_long"), "Write return buy()"),
    **dict.fromkeys(("hold", "wait", "none"), "Write return, or nothing: no signal changes nothing"),
}
REFUSED_FUNCTIONS = {
    "print": "Remove it; signals and state are what a strategy says",
    "open": "A strategy reads nothing but bars",
    "len": "A strategy sees one bar at a time; lengths are constants",
    "range": "Use range in a for loop of on_bar",
    "sum": "Add the terms, or use rolling(n).sum() in indicators",
    "getattr": "Write the field out: bar.close",
    "list": "Keep numbers in state under literal keys",
    "dict": "Keep numbers in state under literal keys",
    "str": "A strategy works on numbers",
}
