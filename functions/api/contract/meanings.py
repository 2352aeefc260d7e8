"""The meaning of names wherever they occur, for properties and parameters that have no description of their own, and a value that shows them."""

from __future__ import annotations

_MEANINGS = """
access_token: Goes into `Authorization: Bearer …`
action_id: The name of the corporate action
alert_id: The alert
answer: The answer, in plain text
apart: How far apart the two sides are, as a fraction of the larger; null where it compares no two numbers that are known
asset_class: us_equity or crypto
assumptions: What was assumed where the request left it open
attempts: How often it was tried
attestationObject: What the device says of the passkey that it made, in base64url
authenticatorData: What the device signed besides the client's data, in base64url
avg_entry_price: Dollars that a unit cost on average
backtest_id: The backtest
bar: The bar that the signal was given on; null where no signal led to it
bar_time: The start of the bar that it was given on
bars: Bars that were compared
bars_evaluated: Bars that it has seen
bars_per_year: Bars that a year is counted as; null where they are counted
before: Only versions before this number
borrow_fee: What borrowing costs in a year, as a fraction of what is sold short
bytes: How large the file is
cash: Dollars
cause: What it is asked for, so that asking twice does it once
changed_at: When it was changed last
citations: The sources, with the stretches of the answer that they stand behind
clean: Whether nothing had to be mended
clientDataJSON: What the browser was asked for, by whom and where, in base64url
close: The last price, in dollars
code: The kind, for programs
column: The column, from 1
commission_bps: Commission in hundredths of a percent of what is traded
commission_per_order: Commission in dollars an order
commission_per_share: Commission in dollars a share
complete: Whether the answer was not cut off
completed_at: When it ended; null until then
condition: above, below, or change for a move from the price at which it was set
conditions: What the rule compares
config: What it assumes
created_at: When it was made
credential: What the device answered, as `PublicKeyCredential.toJSON()` of a browser gives it
csrf_token: Goes into the header `X-CSRF-Token` of a page's changes
current_password: The password that is in force
data: The event
day_lookback: Days of the exchange that code on shorter bars needs beside them; 0 where it reads none
dead: Messages that failed five times
decision: The decision of a portfolio session that the order is of; null where it is of none
delivered_at: When it arrived; null until then
delivery_id: The delivery
detail: What it is, in a sentence
differences: Bars on which the replay says something else; none are expected
disabled_at: When it was disabled; null while it is not
disclaimer: What the answer is not
draft: The draft that did not pass; null where there is none
effective_on: The day of the exchange from which it holds
email: The address that the account is logged in to with
end: Only what is before this moment
ended: How many were ended
ended_at: When it ended; null until then
equity: Cash and positions in dollars
errors: What is wrong with which field
executed_at: When it was traded
expires_at: When it ends by itself; null where it does not
expires_in: Seconds
field: The field
filled_quantity: Shares or coins that are filled
fills: What was traded of it
final_pnl: Profit in dollars when it ended; null until then
findings: What is wrong, where, and what to write instead
finished_at: When it ended; null until then
format: json, signed, for programs; or discord, slack or telegram for a message that a person reads
fraction: A part: of equity to buy, of the position to sell
fractionable: Whether parts of a unit can be traded
fractional: Whether parts of a share are bought
grounded: Whether it was searched for; otherwise the model answered from memory
halted: Whether it is not traded here at present
halted_at: When it was halted
halts: Symbols that are not traded at present
high: The highest price, in dollars
hint: Its beginning, to know it by
id: The name of the passkey, in base64url
if-match: The ETag of what the change is based on
in_work: Messages that are being worked on
indicators: Names of the columns that it computes
initial_balance: Dollars that the account began with
is_operator: Whether the account may operate the platform
items: The items of this page
job_id: The job
key: The key; shown this once
key_id: The key's id
kind: What sort it is of
kinds: Kinds of events that it is told of
last_error: What went wrong last; null where nothing did
last_seen_at: When it was last used
last_status: The HTTP status of the last answer; null without one
last_used_on: The day it was last used; null while it was not
latest_price: Dollars a unit, as traded last
limit: At most so many
limit_price: Dollars: bought for no more, sold for no less
line: The line, from 1
live: The side of the signal at the time; null for none
logic_explanation: What it does, in plain words
login_id: The login
lookback: Bars of history that the code needs
looked_at: Other symbols whose bars the code looks at
low: The lowest price, in dollars
maintenance_margin: Equity that a short position needs while it is held, as a fraction of its value
market_data: What is not to be had of the market at present
market_value: Dollars at the latest price
message: What is wrong with it
metrics: Figures by their names; null for one that is not defined
min_order_size: The smallest order, in units; null where there is none
mode: PAPER trades, MANUAL only says what it would do
model: The model that wrote it
name: What it is called
new_password: The password that takes its place
new_ratio: Units of the new symbol for one of the old
new_symbol: The symbol that takes its place
next: Goes into `cursor`; null on the last page
next_attempt_at: When it is tried next; null when it is not
note: The owner's own words
noted_at: When it was noted
notional: Dollars to buy for, or to sell for
old_secret_ends: Until when the former secret signs along; null when it does not
open: The first price, in dollars
operands: The values that are compared
order: The order
order_id: The order
origin: Whose wish it is: a person's, a strategy's or a stop's
parameter_meanings: What each parameter decides
parameters: Its constants by name
part: The order's symbol in the decision
participation: The largest part of a bar's volume that is filled; null for no bound
passkey_id: The passkey
password: The password
positions: What is held
price: Dollars a unit
price_increment: The step of prices in dollars; null where any is taken
progress: Where it stands, in a few words
prompt: What is wanted, in plain language
python_code: The code, in the strategy language
quantity: Shares or coins
quantity_increment: The step of quantities; null where any is taken
queries: What was searched for
question: What is to be answered
questions: What it asks, or why it declines
queued: Whether it will be done
rawId: The same name, as browsers say it twice
realized_pnl: Profit in dollars of what was sold
reason: Why
refresh_token: Exchanged once for new tokens
repairs: Findings that were sent back to the model, one list for each repair
repeats: Whether it waits again after it fired
replaces_order_id: The order whose place it takes; null for none
replayed: The side of the signal in the replay; null for none
replayed_bars: Bars that were evaluated again
report: What was found
report_id: The report
requirements: What was asked for, piece by piece, and the lines that do it
reserved_cash: Dollars that open orders may need
response: What the device made or signed
revoked_at: When it was revoked; null while it is in force
rows: Rows of the file
rule: The rule that gave the signal; null where it is not known
rules: The rules in the order of the code
scopes: What the key may do
secret: Signs what is sent; shown this once
seen_at: When it was first heard of
sent: How many were sent again
session_id: The session; null for what was done by hand
short: Whether it is of a short position, sold first and bought back later
short_selling: Whether the account may go short; without it it is long only
short_margin: Equity that a short position needs when it is opened, as a fraction of its value
side: buy or sell
signal_id: The signal that it comes from; null for an order by hand
signals: Signals that were compared
signature: Over both, in base64url
simulated: Whether the market is a replay
size_kind: What the size counts
sizing_rule: What sizing_value counts
sizing_value: The size of a position, as sizing_rule counts it
slippage_bps: What a fill costs more than the price, in hundredths of a percent
spans: First and last character of each stretch
spread_bps: The distance of bid and ask, in hundredths of a percent
stage: The stage of the deployment
start: Only what is of this moment or later
started_at: When it began
status: Where it stands
steps: What became of it, in order
stop_loss: Sells this far below the average entry price; null for no stop
stop_price: Dollars: the price that sets the order off
strategy_id: The strategy
strategy_version: The version that runs
suggestion: What to write instead
suspended_at: Since when the platform pauses by itself; null while it does not
suggestions: HTML of Google's search suggestions, to be shown with the answer as it is, in a frame that can do nothing
symbol: A stock such as AAPL or BRK.B, or a pair such as BTC/USD
take_profit: Sells this far above the average entry price; null for none
ticket: Opens one connection within a minute
time: The moment
time_in_force: How long it waits
timeframe: The bars that it decides on, where its code says so
title: The status in words
token_type: How the access token is sent
tokens: What the model took for it
tradable: Whether it can be traded at the broker
trade_id: The trade
trading_state: ACTIVE trades, REDUCING only closes positions, HALTED does nothing but what a margin call or a buy-in forces
trail_percent: How far the stop stays behind the best price, in percent of it
trail_price: How far the stop stays behind the best price, in dollars
trailing_stop: Sells this far below the highest price since the entry; null for none
type: How it is executed
unrealized_pnl: Profit in dollars of what is held, at the latest price
updated_at: When it was changed last
uri: Where it is
url: Where it is
userHandle: Whose passkey the device says that it is; null where it does not say
user_id: The user
valid: Whether it is a strategy
version: The number of the version, from 1
virtual_balance: Dollars that are free
volume: Shares or coins that were traded
waiting: Messages that wait
webhook_id: The webhook
what: account, trades, orders or bars
x-nonce: Chosen anew for every request
x-signature: HMAC-SHA256 over the time, the nonce and the body
"""
MEANINGS = dict(line.split(": ", 1) for line in _MEANINGS.strip().splitlines())

EXAMPLES = {
    "access_token": "eyJhbGciOiJIUzI1NiJ9…",
    "action_id": "by-hand-2026-03-02-xyz",
    "address": "203.0.113.7",
    "asset_class": "us_equity",
    "average_price": "187.42",
    "avg_entry_price": "187.42",
    "buying_power": "81258",
    "cash": "81258",
    "client": "Firefox on Linux",
    "client_order_id": "rebalance-2026-03-02",
    "code": "not-found",
    "day_pnl": "142.17",
    "email": "ada@example.com",
    "equity": "100042.17",
    "filled_quantity": "2.5",
    "final_pnl": "42.17",
    "hint": "sfk_3fJ9",
    "indicators": ["fast", "slow"],
    "initial_balance": "100000",
    "key": "sfk_3fJ9…",
    "kinds": ["order", "trade"],
    "latest_price": "188.1",
    "limit_price": "187.5",
    "market_value": "470.25",
    "metrics": {"total_return": 0.042, "sharpe": 1.3, "max_drawdown": 0.031, "trades": 12},
    "name": "Average cross",
    "parameters": {"FAST": 12.0, "SLOW": 26.0},
    "price": "187.42",
    "progress": "2 of 4 bars",
    "python_code": "def on_bar(bar, position, state):\n    return buy()\n",
    "quantity": "2.5",
    "realized_pnl": "42.17",
    "reason": "insufficient_cash",
    "scopes": ["read", "trade"],
    "secret": "whsec_…",
    "side": "buy",
    "size": "2.5",
    "size_kind": "quantity",
    "sizing_value": "0.1",
    "status": "RUNNING",
    "stop_loss": "0.02",
    "symbol": "AAPL",
    "take_profit": "0.05",
    "ticket": "u3bq…",
    "token_type": "bearer",
    "trailing_stop": "0.03",
    "url": "https://example.com/hook",
    "virtual_balance": "81258",
    "wanted": True,
}
