"""Answers of the tools: of the API's answers what a language model needs, with numbers where the API has decimals as texts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Dollars = Annotated[float, Field(description="Dollars")]
Units = Annotated[float, Field(description="Shares or coins")]
Fraction = Annotated[float, Field(description="A fraction of one")]
OfPrice = Annotated[float | None, Field(description="A fraction of the price; null for none")]
Next = Annotated[str | None, Field(None, description="Goes into `cursor` for what comes after; null at the end")]
Why = Annotated[str | None, Field(None, description="Why it was refused or ended, as a code; null unless it was")]
Meaning = Annotated[str | None, Field(None, description="What the reason means")]
OfShort = Annotated[
    bool, Field(description="It is of a short position: a sale opens one or adds to it, a purchase buys it back")
]
Setting = Annotated[float | None, Field(None, description="Dollars; null where the type of order has none")]


class Answer(BaseModel):
    """The base of all answers; what the API says in addition is left out."""

    model_config = ConfigDict(extra="ignore")


class Done(Answer):
    """The answer of a tool that did what was asked for and has nothing to add."""

    done: bool = True


class Text(Answer):
    """A text for the model to read."""

    text: str


class Job(Answer):
    """Work in the background: QUEUED, RUNNING, SUCCEEDED, FAILED or CANCELED."""

    job_id: str
    kind: str = Field(description="GENERATE, RESEARCH, BACKTEST, REPLAY or EXPORT")
    status: str = Field(description="Ask again with get_job while it is QUEUED or RUNNING")
    progress: str | None = Field(None, description="Where it stands, in a few words")
    result: dict[str, Any] | None = Field(
        None,
        description="A strategy, questions to answer, an answer with sources, or the id of a backtest and its figures",
    )
    error: dict[str, Any] | None = Field(None, description="What went wrong")


# The market -------------------------------------------------------------------------------------------------------


class Bar(Answer):
    """A minute; `time` is its start."""

    time: datetime
    open: Dollars
    high: Dollars
    low: Dollars
    close: Dollars
    volume: Units


class Bars(Answer):
    """Bars of a minute, the oldest first."""

    symbol: str
    simulated: bool = Field(description="The market is a replay, and what happens within a day is made up")
    items: list[Bar]


class Price(Answer):
    """The latest price of a symbol."""

    symbol: str
    price: Dollars
    time: datetime
    halted: bool = Field(description="It is not traded at present")


class Asset(Answer):
    """A stock or a pair that can be traded."""

    symbol: str
    name: str
    asset_class: str = Field(description="us_equity or crypto")
    tradable: bool
    fractionable: bool = Field(description="Parts of a unit can be traded")


class Assets(Answer):
    """A page of assets in the order of their symbols."""

    items: list[Asset]
    next: Next


class Watched(Answer):
    """A symbol that the user watches."""

    symbol: str
    price: Dollars | None
    change: float | None = Field(description="Since the last close, as a fraction of it")


class Watchlist(Answer):
    """The symbols that the user watches."""

    items: list[Watched]


class Alert(Answer):
    """A price that the user wants to be told of."""

    alert_id: UUID
    symbol: str
    condition: Literal["above", "below", "change"]
    upper_price: Dollars | None = Field(description="It fires at this price and above")
    lower_price: Dollars | None = Field(description="It fires at this price and below")
    repeats: bool
    armed: bool = Field(description="It waits for its price")
    note: str
    times_fired: int
    fired_price: Dollars | None


class Alerts(Answer):
    """The user's price alerts, those that wait first."""

    items: list[Alert]


# Strategies and backtests -----------------------------------------------------------------------------------------


class Check(Answer):
    """The compiler's answer: all that is wrong with code, or what it is made of."""

    valid: bool
    findings: list[dict[str, Any]] = Field(description="Line, column, what is wrong, and what to write instead")
    parameters: dict[str, float]
    indicators: list[str]
    lookback: int | None = Field(description="Bars of history that it needs")
    day_lookback: int = Field(0, description="Days of the exchange that it needs beside shorter bars")
    looked_at: list[str] = Field([], description="Other symbols whose bars it looks at")
    timeframe: str | None = Field(description="The bars that it decides on, such as 15min; null for those of a minute")


class CodeRule(Answer):
    """A rule that a strategy's code follows, in words made from the code alone."""

    text: str = Field(description="What it does, and when")
    does: str = Field(
        description="buy, sell, short, cover, adjust (exits alone), weights, nothing (it ends the bar), notes (on the way), setting or unused"
    )
    line: int
    lines: list[int] = Field(description="The lines that have a part in it")
    asked: str = Field(
        description="“asked for”, “asked for before” (in an earlier version), or “as written”: nobody is known to have asked for it"
    )


class CodeRules(Answer):
    """The rules of a version's code, in its order: the first that decides ends the bar."""

    version: int
    rules: list[CodeRule]


class StrategyLine(Answer):
    """A strategy in a list, without its code."""

    strategy_id: str
    name: str
    symbol: str
    version: int
    logic_explanation: str = Field(description="What it does, in plain words")
    archived_at: datetime | None = Field(description="When it was put aside; null for those at hand")


class Strategy(StrategyLine):
    """A strategy with its current code."""

    python_code: str


class Strategies(Answer):
    """A page of strategies, the newest first."""

    items: list[StrategyLine]
    next: Next


class AskedFor(Answer):
    """One thing that was asked for, and what became of it."""

    quote: str = Field(description="The person's own words; empty for what they did not ask for")
    meaning: str
    status: str = Field(
        description="covered, assumed, unsupported, kept (it stands since an earlier version) or superseded (corrected later)"
    )
    lines: list[int] = Field(description="The lines of the code that do it")


class Version(Answer):
    """A version of a strategy, with what led to it."""

    version: int
    symbol: str
    prompt: str | None = Field(description="What was asked for; null for code written by hand")
    diff: str = Field(description="What changed since the version before")
    parameters: dict[str, float]
    requirements: list[AskedFor] = Field(
        description="What was asked for, piece by piece; empty where nothing is known of it"
    )
    assumptions: list[str]
    created_at: datetime


class SavedStrategy(Answer):
    """A strategy in the form of a file."""

    file: dict[str, Any] = Field(description="Goes into load_strategy, here or elsewhere")


class Versions(Answer):
    """Versions of a strategy, the newest first."""

    items: list[Version]
    next: int | None = Field(None, description="Goes into `before` for earlier ones; null at the end")


class BacktestLine(Answer):
    """A finished backtest with its figures."""

    backtest_id: str
    strategy_id: str
    strategy_version: int
    symbol: str
    parameters: dict[str, float] = Field(description="Values that it had in place of the version's own")
    metrics: dict[str, float | None] = Field(
        description="total_return, sharpe, max_drawdown, win_rate, trades and more"
    )
    created_at: datetime


class Backtests(Answer):
    """A page of backtests, the newest first."""

    items: list[BacktestLine]
    next: Next


class Backtest(BacktestLine):
    """A backtest with what it assumed and traded."""

    config: dict[str, Any] = Field(description="Costs, size and stops")
    assumptions: list[str]
    trades: list[dict[str, Any]] = Field(description="The latest; times in seconds since 1970")
    trades_in_all: int
    portfolio: dict[str, Any] | None = Field(
        None,
        description="Of a portfolio strategy: its universe, schedule and capital, what each symbol was in the result, the turnover, and the latest decisions with their weights",
    )
    sweep: dict[str, Any] | None = Field(
        description="Of a sweep: the best points, the steps of the walk-forward, and the deflated Sharpe ratio, which is the probability that the best is more than luck"
    )


# Portfolio and trading --------------------------------------------------------------------------------------------


class Position(Answer):
    """A position: units of a symbol that are held, or below zero owed: a short position."""

    symbol: str
    session_id: str | None = Field(description="The session that holds it; null for what was bought by hand")
    quantity: Units
    avg_entry_price: Dollars
    latest_price: Dollars
    market_value: Dollars
    unrealized_pnl: Dollars
    margin_needed: Dollars = Field(description="What a short position needs to be held; with less it is bought back")
    borrow_fee: Dollars = Field(description="What borrowing a short position costs a night")


class Portfolio(Answer):
    """The account at the latest prices."""

    equity: Dollars
    cash: Dollars
    buying_power: Dollars
    reserved_cash: Dollars
    realized_pnl: Dollars
    unrealized_pnl: Dollars
    day_pnl: Dollars | None
    short_selling: bool = Field(description="The account may go short; see set_short_selling")
    positions: list[Position]


class EquityPoint(Answer):
    """The worth of the account at a moment."""

    time: datetime
    equity: Dollars
    cash: Dollars


class Equity(Answer):
    """The worth of the account over time, the oldest moment first."""

    items: list[EquityPoint]


class ShortSelling(Answer):
    """The account's permission to go short."""

    short_selling: bool


class Order(Answer):
    """An order with what became of it."""

    order_id: str
    symbol: str
    side: str
    short: OfShort
    type: str = Field(description="market, limit, stop, stop_limit, oco or trailing_stop")
    status: str = Field(
        description="PENDING, RESTING, WORKING, FILLED, PARTIALLY_FILLED, CANCELED, REJECTED or EXPIRED"
    )
    size: float = Field(description="What was asked for, in what size_kind counts")
    size_kind: str = Field(description="quantity, notional or fraction")
    quantity: float = Field(description="Shares or coins, once it is accepted; 0 until then")
    filled_quantity: Units
    average_price: Setting
    limit_price: Setting
    stop_price: Setting
    origin: str = Field(description="Whose wish it is: a person's, a strategy's or a stop's")
    session_id: str | None
    client_order_id: str | None
    reason: Why
    explanation: Meaning
    placed_at: datetime


class Orders(Answer):
    """A page of orders, the newest first."""

    items: list[Order]
    next: Next = None


class OrderStory(Answer):
    """The story of an order, step by step, and its costs."""

    summary: str
    decision: dict[str, Any] | None = Field(description="Of a portfolio session's order what it wanted, had and saw")
    steps: list[dict[str, Any]] = Field(description="Title, text and time of each step")
    fees: Dollars
    realized_pnl: Dollars | None
    slippage_bps: float | None = Field(description="Hundredths of a percent against the price when it was decided")
    gap_bps: float | None = Field(description="The same of the gap before, as overnight: no part of the slippage")


class Preview(Answer):
    """The fate of an order if it were placed now."""

    outcome: str = Field(description="join: it goes out; rest: it waits for its price; wait: for the market; refuse")
    reason: Why
    explanation: Meaning
    quantity: Units
    price: Setting
    cost: Dollars
    cash_after: Dollars
    position_after: Units


class Trade(Answer):
    """A part of an order that was traded."""

    trade_id: int
    order_id: str
    symbol: str
    side: str
    short: OfShort
    quantity: Units
    price: Dollars
    realized_pnl: Dollars
    session_id: str | None
    executed_at: datetime


class Trades(Answer):
    """A page of trades, the newest first."""

    items: list[Trade]
    next: Next


class Signal(Answer):
    """A decision of a strategy on a bar."""

    signal_id: int
    session_id: str
    symbol: str
    side: str
    short: OfShort
    bar_time: datetime
    confidence: Fraction
    status: str = Field(description="PENDING, EXECUTED, REJECTED or EXPIRED")
    reason: Why
    explanation: Meaning


class Signals(Answer):
    """A page of signals, the newest first."""

    items: list[Signal]
    next: Next


class Link(Answer):
    """A link to a report or a file, for whoever has it."""

    url: str


class Shown(Answer):
    """A session that its owner shows."""

    rank: int | None = Field(description="Null while it is not ranked")
    name: str
    own: bool = Field(description="It is the user's")
    session_id: str | None = Field(description="Null for those of others")
    symbol: str
    trades: int
    won: int
    pnl: Dollars
    score: float | None = Field(
        description="The Sharpe ratio of a year that it has with 95% confidence at least, by which the ranking goes"
    )
    unranked_because: str | None


class Leaderboard(Answer):
    """The sessions that people show, ranked ones first."""

    items: list[Shown]
