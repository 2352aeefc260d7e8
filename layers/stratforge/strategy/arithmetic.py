"""Total arithmetic: the scalar operations of `on_bar`, defined for every pair of floats.

Where Python raises (division by zero, overflow, the square root of a negative number) these give the IEEE 754
answer (infinity or NaN). They are written so that numba compiles them unchanged, and generated code calls them by
these names: one definition for the interpreter, the inlined loop and machine code.
"""

import math
from collections.abc import Callable

NAN = math.nan
INFINITY = math.inf
_EXACT = 4503599627370496.0  # 2 ** 52: floats beyond are whole numbers


def divide(a: float, b: float) -> float:
    """a / b."""
    if b == 0.0:
        if a == 0.0 or a != a:
            return NAN
        return math.copysign(INFINITY, a) * math.copysign(1.0, b)
    return a / b


def floor_divide(a: float, b: float) -> float:
    """a // b, exactly as Python computes it: through the remainder, so that rounding of the quotient does not matter."""
    if b == 0.0 or a != a or b != b or abs(a) == INFINITY:
        return divide(a, b)
    if abs(b) == INFINITY:
        return 0.0 if a == 0.0 or (a > 0.0) == (b > 0.0) else -1.0
    quotient = (a - a % b) / b
    if quotient != quotient or abs(quotient) >= _EXACT:
        return quotient
    below = float(math.floor(quotient))
    return below + 1.0 if quotient - below > 0.5 else below


def modulo(a: float, b: float) -> float:
    """a % b, with the sign of b; NaN when b is 0 or a is infinite."""
    if b == 0.0 or a != a or b != b or abs(a) == INFINITY:
        return NAN
    if abs(b) == INFINITY:
        return a if (a >= 0.0) == (b > 0.0) or a == 0.0 else b
    return a % b


def power(a: float, b: float) -> float:
    """a ** b; NaN for a negative base with a broken exponent."""
    if b == 2.0:
        return a * a
    if b == 0.0 or a == 1.0:
        return 1.0
    if a != a or b != b:
        return NAN
    if a == 0.0:
        return INFINITY if b < 0.0 else 0.0
    if abs(b) == INFINITY:
        if abs(a) == 1.0:
            return 1.0
        return INFINITY if (abs(a) > 1.0) == (b > 0.0) else 0.0
    whole = abs(b) >= _EXACT or b == math.floor(b)
    if a < 0.0 and not whole:
        return NAN
    odd = whole and abs(b) < _EXACT and b % 2.0 != 0.0
    if abs(a) == INFINITY:
        magnitude = INFINITY if b > 0.0 else 0.0
    else:
        exponent = b * math.log(abs(a))
        if exponent > 709.0:
            magnitude = INFINITY
        elif exponent < -745.0:
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
    """Natural logarithm; -infinity at 0, NaN below."""
    if x > 0.0:
        return math.log(x)
    return -INFINITY if x == 0.0 else NAN


def logarithm10(x: float) -> float:
    """Logarithm to base 10; -infinity at 0, NaN below."""
    if x > 0.0:
        return math.log10(x)
    return -INFINITY if x == 0.0 else NAN


def exponential(x: float) -> float:
    """e ** x; infinity past the range of floats."""
    if x > 709.0:
        return INFINITY
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
    """The whole part, as `int` gives it; infinity and NaN stay."""
    return floor(x) if x >= 0.0 else ceiling(x)


def round_half_even(x: float, digits: float) -> float:
    """x rounded to `digits` decimals, halves to the even neighbor."""
    scale = math.pow(10.0, digits)
    scaled = x * scale
    if scaled != scaled or abs(scaled) >= _EXACT:
        return x
    below = float(math.floor(scaled))
    rest = scaled - below
    if rest > 0.5 or (rest == 0.5 and below % 2.0 != 0.0):
        below += 1.0
    return below / scale


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


def sign(x: float) -> float:
    """-1, 0 or 1; NaN stays."""
    if x > 0.0:
        return 1.0
    return -1.0 if x < 0.0 else x


def is_nan(x: float) -> bool:
    """Whether x is not a number."""
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
    "sign": sign,
    "is_nan": is_nan,
    "absolute": abs,
}
