"""Total arithmetic: the scalar operations of `on_bar`, defined for every pair of floats.

Where Python raises (division by zero, overflow, the square root of a negative number) these give NaN, which is "unknown";
everything else is as Python has it. They are written so that numba compiles them unchanged, and generated code calls them by
these names: one definition for the interpreter, the inlined loop and machine code.
"""

import math
import sys
from collections.abc import Callable

NAN = math.nan
INFINITY = math.inf
_EXACT = 4503599627370496.0  # 2 ** 52: floats beyond are whole numbers
_ROOT = math.sqrt(sys.float_info.max)
# Of quotients whose remainder is computed: the processor takes a step for every bit of them.
MOST_QUOTIENT = 18446744073709551616.0  # 2 ** 64
_SPLIT = 134217729.0  # 2 ** 27 + 1: halves the digits of a float


def divide(a: float, b: float) -> float:
    """a / b; NaN when b is 0."""
    return NAN if b == 0.0 else a / b


def floor_divide(a: float, b: float) -> float:
    """a // b, exactly as Python computes it: through the remainder, so that rounding of the quotient does not matter; NaN beyond `MOST_QUOTIENT`."""
    if b == 0.0 or a != a or b != b or abs(a) == INFINITY or abs(a) > abs(b) * MOST_QUOTIENT:
        return NAN
    if abs(b) == INFINITY:
        return 0.0 if a == 0.0 or (a > 0.0) == (b > 0.0) else -1.0
    # With the sign of a, as in C.
    remainder = math.copysign(abs(a) % abs(b), a)
    quotient = (a - remainder) / b
    if remainder != 0.0 and (remainder < 0.0) != (b < 0.0):
        quotient -= 1.0
    if quotient != quotient or abs(quotient) >= _EXACT:
        return quotient
    below = float(math.floor(quotient))
    return below + 1.0 if quotient - below > 0.5 else below


def modulo(a: float, b: float) -> float:
    """a % b, with the sign of b; NaN when b is 0, a is infinite or their quotient beyond `MOST_QUOTIENT`."""
    if b == 0.0 or a != a or b != b or abs(a) == INFINITY or abs(a) > abs(b) * MOST_QUOTIENT:
        return NAN
    if abs(b) == INFINITY:
        return a if (a >= 0.0) == (b > 0.0) or a == 0.0 else b
    return a % b


def power(a: float, b: float) -> float:
    """a ** b; NaN for a negative base with a broken exponent, for 0 to a negative power, and past the range of floats."""
    if b == 2.0:
        return NAN if abs(a) > _ROOT and abs(a) != INFINITY else a * a
    if b == 0.0 or a == 1.0:
        return 1.0
    if a != a or b != b:
        return NAN
    if a == 0.0:
        return 0.0 if b > 0.0 else INFINITY if b == -INFINITY else NAN
    if abs(b) == INFINITY:
        if abs(a) == 1.0:
            return 1.0
        return INFINITY if (abs(a) > 1.0) == (b > 0.0) else 0.0
    whole = abs(b) >= _EXACT or b == math.floor(b)
    if a < 0.0 and not whole and a != -INFINITY:
        return NAN
    odd = whole and abs(b) < _EXACT and b % 2.0 != 0.0
    if abs(a) == INFINITY:
        magnitude = INFINITY if b > 0.0 else 0.0
    else:
        exponent = b * math.log(abs(a))
        if exponent > 709.78:
            magnitude = NAN
        elif exponent < -745.2:
            magnitude = 0.0
        else:
            magnitude = math.pow(abs(a), b)
    return -magnitude if a < 0.0 and odd else magnitude


def square_root(x: float) -> float:
    """Square root; NaN below 0."""
    if x < 0.0:
        return NAN
    return math.sqrt(x)


def logarithm(x: float) -> float:
    """Natural logarithm; NaN at 0 and below."""
    return math.log(x) if x > 0.0 else NAN


def logarithm10(x: float) -> float:
    """Logarithm to base 10; NaN at 0 and below."""
    return math.log10(x) if x > 0.0 else NAN


def exponential(x: float) -> float:
    """e ** x; NaN past the range of floats."""
    if x > 709.78 and x != INFINITY:
        return NAN
    return math.exp(x)


def floor(x: float) -> float:
    """The next whole number below."""
    if x != x or abs(x) >= _EXACT:
        return x
    return float(math.floor(x))


def ceiling(x: float) -> float:
    """The next whole number above."""
    if x != x or abs(x) >= _EXACT:
        return x
    return float(math.ceil(x))


def truncate(x: float) -> float:
    """The whole part, as `int` gives it; NaN for infinity."""
    if abs(x) == INFINITY:
        return NAN
    return floor(x) if x >= 0.0 else ceiling(x)


def round_half_even(x: float, digits: float) -> float:
    """x rounded to 0 to 8 decimals as Python's `round` does it: by the exact value of x, halves to the even neighbor."""
    scale = math.pow(10.0, digits)
    scaled = x * scale
    if scaled != scaled or abs(x) >= _EXACT:
        return x
    whole = 0.0
    if abs(scaled) >= _EXACT:
        # The product has lost digits; that of what stands after the point has not.
        whole = float(math.floor(x))
        x = x - whole
        scaled = x * scale
    below = float(math.floor(scaled))
    rest = scaled - below
    if rest == 0.5:
        # The product may have been rounded to a half: what it lost (Dekker, 1971) decides.
        high = x * _SPLIT - (x * _SPLIT - x)
        lost = (high * scale - scaled) + (x - high) * scale
        if lost > 0.0 or (lost == 0.0 and below % 2.0 != 0.0):
            below += 1.0
    elif rest > 0.5:
        below += 1.0
    return math.copysign(below / scale, x) if whole == 0.0 else whole + below / scale


def minimum(a: float, b: float) -> float:
    """The smaller; NaN if either is NaN."""
    if a != a or b != b:
        return NAN
    return a if a <= b else b


def maximum(a: float, b: float) -> float:
    """The larger; NaN if either is NaN."""
    if a != a or b != b:
        return NAN
    return a if a >= b else b


def least(a: float, b: float) -> float:
    """Python's `min(a, b)`: the first unless the second is smaller, so an unknown value counts only where it is first."""
    return b if b < a else a


def greatest(a: float, b: float) -> float:
    """Returns the larger of two numbers as Python's `max(a, b)` does."""
    return b if b > a else a


def both(a: float, b: float) -> float:
    """`a and b`: a when it is 0 or unknown, else b."""
    return b if abs(a) > 0.0 else a


def either(a: float, b: float) -> float:
    """`a or b`: b when a is 0 or unknown, else a."""
    return a if abs(a) > 0.0 else b


def sign(x: float) -> float:
    """-1, 0 or 1; NaN stays."""
    if x > 0.0:
        return 1.0
    return -1.0 if x < 0.0 else x


def is_nan(x: float) -> bool:
    """Returns whether x is not a number (NaN)."""
    return x != x


FUNCTIONS: dict[str, Callable[..., float | bool]] = {
    "divide": divide,
    "floor_divide": floor_divide,
    "modulo": modulo,
    "power": power,
    "square_root": square_root,
    "logarithm": logarithm,
    "logarithm10": logarithm10,
    "exponential": exponential,
    "floor": floor,
    "ceiling": ceiling,
    "truncate": truncate,
    "round_half_even": round_half_even,
    "minimum": minimum,
    "maximum": maximum,
    "least": least,
    "greatest": greatest,
    "both": both,
    "either": either,
    "sign": sign,
    "is_nan": is_nan,
    "absolute": abs,
}
