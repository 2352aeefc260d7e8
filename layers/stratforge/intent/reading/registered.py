"""Every indicator of the language's registry by the names that people use for it: how a rule has it, what it is measured in, and between which numbers it lies."""

from __future__ import annotations

from collections.abc import Sequence

from stratforge.intent.reading.meaning import side_of_text
from stratforge.strategy.indicators import REGISTRY, Parameter

# A key is an indicator of the registry, with the line that is meant where it has several.
NAMES: dict[str, tuple[str, ...]] = {
    "true_range": ("true range",),
    "stdev": ("stdev", "stddev", "standard deviation of the close"),
    "bbands.bandwidth": ("bollinger bandwidth", "bb bandwidth", "bollinger band width", "bbw", "bandwidth", "band width"),
    "bbands.percent": ("%b", "percent b", "bollinger %b", "bb %b"),
    "aberration.upper": ("upper aberration band", "aberration upper band"),
    "aberration.lower": ("lower aberration band", "aberration lower band"),
    "accbands.upper": ("upper acceleration band", "acceleration bands upper"),
    "accbands.lower": ("lower acceleration band", "acceleration bands lower"),
    "ce.long": ("chandelier exit", "chandelier stop", "chandelier", "long chandelier exit"),
    "cvi": ("chaikin volatility",),
    "hvol": ("historical volatility", "hvol"),
    "massi": ("mass index", "massi"),
    "rvi": ("relative volatility index",),
    "ui": ("ulcer index",),
    "rma": ("rma", "smma", "wilder's moving average", "wilders moving average", "smoothed moving average", "wilder ma"),
    "hl2": ("hl2",),
    "hlc3": ("hlc3", "typical price"),
    "ohlc4": ("ohlc4",),
    "wcp": ("weighted close", "weighted closing price"),
    "medprice": ("median price",),
    "t3": ("t3", "tillson t3", "tillson's t3", "t3 moving average"),
    "trima": ("trima", "triangular moving average"),
    "fwma": ("fwma", "fibonacci weighted moving average", "fibonacci-weighted moving average"),
    "pwma": ("pwma", "pascal weighted moving average", "pascal-weighted moving average"),
    "sinwma": ("sinwma", "sine weighted moving average", "sine-weighted moving average"),
    "swma": ("swma", "symmetric weighted moving average", "symmetrically weighted moving average"),
    "alma": ("alma", "arnaud legoux", "arnaud legoux moving average"),
    "midpoint": ("midpoint",),
    "midprice": ("midprice",),
    "zlma": ("zlma", "zlema", "zero lag ema", "zero-lag ema", "zero lag moving average", "zero-lag moving average"),
    "ssf": ("ssf", "super smoother", "supersmoother", "ehlers super smoother", "ehlers' super smoother"),
    "mcgd": ("mcginley dynamic", "mcginley"),
    "hwma": ("hwma", "holt-winters moving average"),
    "hilo.hilo": ("gann hilo", "gann hi-lo", "hilo activator", "gann high-low activator", "gann high low activator"),
    "ichimoku.tenkan": ("tenkan", "tenkan-sen", "tenkan sen", "tenkansen", "conversion line", "ichimoku tenkan", "ichimoku conversion line", "tenkan line"),
    "ichimoku.kijun": ("kijun", "kijun-sen", "kijun sen", "kijunsen", "base line", "ichimoku kijun", "ichimoku base line", "kijun line"),
    "ichimoku.span_a": ("span a", "senkou span a", "senkou a", "leading span a", "ichimoku span a"),
    "ichimoku.span_b": ("span b", "senkou span b", "senkou b", "leading span b", "ichimoku span b"),
    "linregangle": ("linreg angle", "linear regression angle"),
    "tsf": ("tsf", "time series forecast"),
    "cti": ("cti", "correlation trend indicator"),
    "cfo": ("cfo", "chande forecast oscillator"),
    "fosc": ("fosc", "forecast oscillator"),
    "po": ("projection oscillator",),
    "median": ("median of the close", "rolling median", "median close"),
    "skew": ("skewness",),
    "kurtosis": ("kurtosis", "excess kurtosis"),
    "log_return": ("log return", "logarithmic return"),
    "mom": ("mom", "momentum indicator", "momentum oscillator"),
    "rocp": ("rocp",),
    "rocr": ("rocr",),
    "ao": ("ao", "awesome oscillator", "awesome osc"),
    "apo": ("apo", "absolute price oscillator"),
    "bias": ("bias indicator",),
    "bop": ("bop", "balance of power"),
    "cg": ("center of gravity", "centre of gravity", "cog"),
    "coppock": ("coppock", "coppock curve"),
    "er": ("efficiency ratio", "kaufman efficiency ratio"),
    "eri.bull": ("bull power", "elder bull power", "elder's bull power", "bulls power"),
    "eri.bear": ("bear power", "elder bear power", "elder's bear power", "bears power"),
    "fisher.fisher": ("fisher", "fisher transform"),
    "inertia": ("inertia",),
    "kst.kst": ("kst", "know sure thing"),
    "pgo": ("pgo", "pretty good oscillator"),
    "psl": ("psl", "psychological line"),
    "rvgi.rvgi": ("rvgi", "relative vigor index", "relative vigour index"),
    "smi.smi": ("smi", "smi ergodic", "smi ergodic oscillator"),
    "uo": ("uo", "ultimate oscillator", "ultosc"),
    "vwmacd.macd": ("vwmacd", "volume weighted macd", "volume-weighted macd"),
    "stochf.k": ("fast stochastic", "stochf", "fast stoch", "fast stochastics"),
    "kdj.k": ("kdj k", "kdj k line"),
    "kdj.d": ("kdj d", "kdj d line"),
    "kdj.j": ("kdj j", "kdj j line", "kdj's j line", "j line of the kdj", "j line of kdj", "j of kdj", "j of the kdj"),
    "kdj": ("kdj",),
    "aroon.oscillator": ("aroon oscillator", "aroon osc"),
    "dpo": ("dpo", "detrended price oscillator"),
    "qstick": ("qstick", "q stick"),
    "vhf": ("vhf", "vertical horizontal filter"),
    "vortex.plus": ("vi+", "+vi", "vortex+", "vortex plus", "positive vortex", "positive vortex line"),
    "vortex.minus": ("vi-", "-vi", "vortex-", "vortex minus", "negative vortex", "negative vortex line"),
    "vortex": ("vortex", "vortex indicator"),
    "ichimoku": ("ichimoku",),
    "ttm_trend": ("ttm trend",),
    "plus_dm": ("+dm", "plus dm"),
    "minus_dm": ("-dm", "minus dm"),
    "obv": ("obv", "on-balance volume", "on balance volume"),
    "ad": ("a/d line", "ad line", "accumulation/distribution", "accumulation distribution line", "accumulation/distribution line", "accumulation distribution"),
    "pvt": ("pvt", "price volume trend", "volume price trend"),
    "efi": ("efi", "force index", "elder force index", "elder's force index", "elders force index"),
    "eom": ("eom", "emv", "ease of movement"),
    "kvo.kvo": ("kvo", "klinger", "klinger oscillator", "klinger volume oscillator"),
    "vosc": ("vosc", "volume oscillator"),
    "marketfi": ("market facilitation index",),
    "cksp.long": ("chande kroll stop", "chande-kroll stop"),
}  # fmt: skip
# Those that are measured in prices: they move as the prices do, in level and in scale.
OF_PRICE = frozenset(
    {
        "aberration.upper", "aberration.lower", "accbands.upper", "accbands.lower", "ce.long", "rma", "hl2", "hlc3", "ohlc4", "wcp", "medprice", "t3", "trima", "fwma", "pwma", "sinwma", "swma", "alma",
        "midpoint", "midprice", "zlma", "ssf", "mcgd", "hwma", "hilo.hilo", "ichimoku.tenkan", "ichimoku.kijun", "ichimoku.span_a", "ichimoku.span_b", "tsf", "median", "cksp.long",
    }
)  # fmt: skip
# Between which numbers an indicator lies: a level elsewhere is meant of something else.
_HUNDRED = (0.0, 100.0)
BOUNDS: dict[str, tuple[float, float]] = {
    "rsi": _HUNDRED, "mfi": _HUNDRED, "adx": _HUNDRED, "stoch": _HUNDRED, "stochrsi": _HUNDRED, "stochf": _HUNDRED, "aroon": (-100.0, 100.0), "cmo": (-100.0, 100.0), "chop": _HUNDRED, "rvi": _HUNDRED, "uo": _HUNDRED, "psl": _HUNDRED,
    "willr": (-100.0, 0.0), "cmf": (-1.0, 1.0), "bop": (-1.0, 1.0), "er": (0.0, 1.0), "cti": (-1.0, 1.0), "ui": _HUNDRED, "vhf": (0.0, 1.0), "ttm_trend": (-1.0, 1.0),
}  # fmt: skip
# Parameters that nobody speaks of.
_QUIET = frozenset(
    {"scalar", "drift", "ddof", "c", "divisor", "swma_length", "atr_length", "lensig", "annualization", "sigma"}
    | {"distribution_offset", "a", "na", "nb", "nc", "fast_w", "medium_w", "slow_w", "rvi_length"}
)
# Lines of an indicator by the words that name them after it.
LINES = {"signal": "signal", "histogram": "histogram", "k_line": "k", "d_line": "d", "j_line": "j"}


def parameters_of(name: str) -> list[Parameter]:
    """The numbers of an indicator that people speak of, in their usual order."""
    quiet = _QUIET | ({"std"} if name == "zscore" else set())
    return [each for each in REGISTRY[name].parameters if each.kind in ("length", "number") and each.name not in quiet]


def registered(key: str, given: Sequence[float], line: str = "") -> tuple[str, ...]:
    """The form in which a rule has an indicator of the registry; none where its numbers, or the line, are no such.

    Args:
        key: A key of `NAMES`.
        given: The numbers that were said, in their usual order; the defaults of the registry stand for those left out.
        line: A kind of `LINES`, where one was named after the indicator.
    """
    name, _, own = key.partition(".")
    indicator, spoken = REGISTRY[name], parameters_of(name)
    wanted = LINES.get(line, own)
    # One number is the length; of several, all are said, or all but that of the signal.
    counts = {0, len(spoken)} | ({1} if spoken and spoken[0].name == "length" else set())
    counts |= {1} if name == "stochf" else set()
    counts |= {len(spoken) - 1} if spoken and spoken[-1].name == "signal" else set()
    if len(given) not in counts or (wanted not in indicator.outputs if indicator.outputs or wanted else False):
        return ()
    for each, number in zip(spoken, given, strict=False):
        if not each.minimum <= number <= each.maximum or (each.kind == "length" and number != int(number)):
            return ()
    if name == "bbands" and not given:
        given = (20, 2)
    said = [f"bars.{each}" for each in indicator.inputs]
    said += [f"{each.name}={number:.10g}" for each, number in zip(spoken, given, strict=False)]
    return (side_of_text(f"ta.{name}({', '.join(said)}){f'.{wanted}' if wanted else ''}"),)
