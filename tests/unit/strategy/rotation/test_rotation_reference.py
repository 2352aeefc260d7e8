"""Every sentence of the reference of portfolio strategies is true: each names the test that proves it."""

from __future__ import annotations

from pathlib import Path

from stratforge.strategy import rotation
from stratforge.strategy.rotation import compile_portfolio
from stratforge.strategy.rotation.language_reference import EXAMPLE, rotation_page

from tests.unit.strategy.test_language_reference import sentences

PAGE = Path(rotation.__file__).with_name("ROTATION.md").read_text()
TESTS = Path(__file__).parents[3]
LANGUAGE, CAUSAL, BACKTEST = (
    "unit/strategy/rotation/test_rotation_language.py",
    "unit/strategy/rotation/test_rotation_causality.py",
    "unit/backtest/test_portfolio_backtest.py",
)
LIVE, REPLAYED = "integration/test_portfolio_sessions.py", "integration/test_portfolio_replays.py"
BOUGHT, OWNERS = "integration/test_portfolio_purchases.py", "integration/test_portfolio_owners.py"
PLATFORM, PAGES = "integration/application/test_portfolio_backtests.py", "integration/test_portfolio_pages.py"
SCRIPT = "unit/backtest/test_monthly_rotation.py test_the_engine_does_what_the_script_does"
# By how a sentence begins: the module and the test that prove it.
PROVED = {
    "Generated from the vocabulary": "unit/strategy/rotation/test_rotation_reference.py test_the_page_is_the_one_generated",
    "A portfolio strategy is a module": f"{LANGUAGE} test_a_universe_and_a_schedule_are_declared",
    "`indicators` is that of": SCRIPT,
    "`rebalance` gives target weights": f"{LANGUAGE} test_weights_are_what_the_language_says",
    "Such strategies are checked": "unit/test_cli.py test_a_portfolio_strategy_is_checked_and_backtested",
    "They take the setup of a session": f"{PLATFORM} test_what_a_session_would_refuse_a_backtest_refuses",
    "They run on the bars": f"{PLATFORM} test_minutes_are_the_bars_of_a_schedule_of_minutes",
    "Bars before the period": f"{PLATFORM} test_the_first_decision_knows_the_days_before_the_period",
    "A run of all symbols together": f"{PLATFORM} test_what_would_take_too_long_is_refused_by_its_nominal_cost",
    "The report has the curve": f"{PAGES} test_the_report_of_a_rotation_shows_weights_turnover_and_each_symbol",
    "Several sessions of one user": f"{LIVE} test_a_session_lives_on_its_capital_whatever_its_owner_has",
    "The account's cash is one": f"{LIVE} test_purchases_are_cut_to_what_the_account_has_with_two_percent_to_spare",
    "A session begins with a capital": f"{LIVE} test_a_part_of_the_equity_becomes_a_capital_when_the_session_starts",
    "Its cash is that capital": f"{LIVE} test_a_session_lives_on_its_capital_whatever_its_owner_has",
    "It has no stops": f"{LIVE} test_it_has_no_stops_and_its_capital_stays",
    "What it was not told to hold": f"{LIVE} test_what_is_held_under_another_name_counts_to_the_equity_and_is_left_alone",
    '"daily" to "yearly" decide': f"{LIVE} test_nothing_is_decided_while_the_exchange_is_closed",
    "Days are read anew each morning": f"{LIVE} test_days_that_are_not_read_yet_are_waited_for_and_after_an_hour_named",
    "So is the ledger": f"{OWNERS} test_days_wait_for_a_split_that_the_ledger_does_not_follow_yet_and_leave_it_alone_after_an_hour",
    "Spans of minutes decide": f"{LIVE} test_a_span_of_minutes_is_decided_when_the_bars_of_its_last_minute_are_in",
    "The first span of a day": f"{LIVE} test_the_first_span_of_a_day_is_decided_about_at_the_open",
    "Bars have the scale": f"{REPLAYED} test_the_first_span_after_a_split_is_decided_on_the_scale_of_what_is_held",
    "Symbols that were waited for": f"{LIVE} test_a_bar_that_does_not_come_is_waited_for_five_seconds_and_named",
    "The first decision comes at once": f"{LIVE} test_a_decision_that_could_not_be_taken_in_time_is_taken_as_long_as_its_period_runs",
    "Sales are ordered at once": f"{LIVE} test_purchases_wait_a_minute_at_most_for_sales_that_do_not_end",
    "Of what nobody looked at before": f"{BOUGHT} test_prices_are_waited_for_half_a_span_at_most",
    "Where they then cost more": f"{LIVE} test_purchases_are_cut_to_what_the_account_has_with_two_percent_to_spare",
    "Orders are those of every session": f"{LIVE} test_an_order_that_nobody_fills_in_three_minutes_is_old",
    "What is left of a decision": f"{LIVE} test_a_span_that_nobody_could_decide_about_is_left_out",
    "A paused session decides nothing": f"{LIVE} test_a_paused_session_decides_nothing_and_what_it_was_to_buy_is_called_off",
    "One that ends or pauses": f"{BOUGHT} test_a_session_that_was_paused_between_sales_and_purchases_buys_nothing_when_it_goes_on",
    "What could not be bought": f"{BOUGHT} test_purchases_are_dropped_an_hour_after_their_decision_and_when_the_exchange_closes",
    "A symbol that is halted": f"{LIVE} test_a_symbol_that_is_halted_is_not_traded_and_the_others_are",
    "While the price of one": "integration/test_portfolio_owners.py test_a_split_that_nobody_announced_has_a_session_wait_and_ask_and_moves_no_weight",
    "Where an order of the owner's": f"{OWNERS} test_a_resting_order_of_the_owner_has_its_symbol_left_alone_and_the_others_decided",
    "Every decision is kept": f"{REPLAYED} test_a_replay_notices_whatever_is_changed_in_a_decision",
    "So does the session's page": "integration/test_decision_rules.py test_a_decision_is_told_as_it_was_whatever_the_vendor_says_since",
    "A replay decides again": f"{REPLAYED} test_a_replay_of_days_sees_what_was_seen_whatever_the_vendor_says_since",
    "Whoever dies between": f"{LIVE} test_somebody_who_dies_before_the_commit_leaves_a_session_that_is_still_due",
    "A strategy that fails": f"{LIVE} test_a_strategy_that_fails_three_times_in_a_row_is_stopped",
    "`SCHEDULE` is one of": f"{LANGUAGE} test_a_universe_and_a_schedule_are_declared",
    "`rebalance` is called before": f"{BACKTEST} test_periods_are_those_of_the_calendar",
    "The first call comes": f"{BACKTEST} test_the_first_decision_follows_the_first_bar_and_each_month_has_one",
    "A bar of any of the symbols": f"{CAUSAL} test_the_clock_begins_new_periods_for_every_symbol",
    "Of every symbol `rebalance` sees": f"{CAUSAL} test_decisions_do_not_know_the_future_whatever_the_bars_hold",
    "A symbol that has no bar yet": f"{BACKTEST} test_what_has_no_bar_for_a_week_is_unknown_and_what_has_one_is_not",
    "`rebalance` returns a weight": f"{LANGUAGE} test_weights_are_what_the_language_says",
    "Unknown and negative weights": f"{LANGUAGE} test_weights_are_what_the_language_says",
    "`return` alone changes nothing": f"{BACKTEST} test_weights_become_quantities_at_the_close_and_are_filled_at_the_next_open",
    "Weights become quantities": f"{BACKTEST} test_weights_become_quantities_at_the_close_and_are_filled_at_the_next_open",
    "Orders are filled at the opens": f"{BACKTEST} test_sales_pay_for_purchases_and_nothing_is_on_credit",
    "Where purchases cost more": f"{BACKTEST} test_purchases_are_cut_by_the_same_part",
    "A symbol that has no bar then": f"{BACKTEST} test_a_later_decision_takes_the_place_of_orders_that_wait",
    "A change worth less": f"{BACKTEST} test_a_change_of_less_than_a_dollar_is_not_traded_unless_it_ends_a_holding",
    "A symbol that is unknown is not bought": f"{BACKTEST} test_a_symbol_that_is_listed_later_is_not_bought_before_and_its_weight_is_cash",
    "Costs, and whole shares": "unit/backtest/test_monthly_rotation.py test_costs_and_whole_shares_are_the_scripts_too",
    "`universe.close` and the other prices": f"{LANGUAGE} test_weights_are_what_the_language_says",
    "They take": f"{LANGUAGE} test_weights_are_what_the_language_says",
    "Results are rounded": f"{LANGUAGE} test_every_operation_is_total",
    "An `if` wants a number": f"{LANGUAGE} test_what_is_not_in_the_language_is_refused_with_what_to_write",
    "Where two are equal": f"{LANGUAGE} test_a_tie_goes_to_whoever_stands_first_in_the_universe",
    '`universe.of("SPY").close` is a number': f"{LANGUAGE} test_figures_are_what_the_language_says",
    'Likewise `bars.of("SPY").close`': f"{BACKTEST} test_another_symbols_column_is_that_of_its_last_bar_and_computed_on_its_own",
    "Live each symbol comes with its own last bars": f"{CAUSAL} test_what_one_that_seldom_trades_reads_of_another_is_seen_however_far_back_it_lies",
    "`universe.time` has the fields": f"{LANGUAGE} test_weights_are_what_the_language_says",
    "Everything else of `rebalance`": f"{LANGUAGE} test_state_lasts_and_what_is_unknown_has_no_value_afterwards",
    "A strategy has at most so many symbols": f"{LANGUAGE} test_symbols_that_are_only_looked_at_count_too",
    "The cost of a decision": f"{LANGUAGE} test_the_cost_is_that_of_every_symbol_and_has_a_bound",
}  # fmt: skip


def test_every_sentence_is_proved() -> None:
    said = sentences(PAGE)
    assert [each for each in said if not any(each.startswith(beginning) for beginning in PROVED)] == []
    assert [each for each in PROVED if not any(sentence.startswith(each) for sentence in said)] == []
    for path, test in map(str.split, PROVED.values()):
        assert f"def {test}(" in (TESTS / path).read_text(), test


def test_the_page_is_the_one_generated() -> None:
    assert rotation_page() == PAGE, "write it anew: stratforge reference --portfolio > …/strategy/rotation/ROTATION.md"


def test_its_example_passes_the_gate() -> None:
    assert compile_portfolio(EXAMPLE).cost.milliseconds < 5
