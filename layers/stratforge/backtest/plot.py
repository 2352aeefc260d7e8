"""Pictures of a report: equity, drawdown and trades, drawn by matplotlib."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING

from stratforge.backtest.config import BacktestError

if TYPE_CHECKING:
    import pandas as pd

    from stratforge.backtest.report import BacktestReport


def save_plot(report: BacktestReport, path: Path, title: str) -> None:
    """Writes a picture (.png) or a page with the picture, the figures and the assumptions (.html).

    Raises:
        BacktestError: if the file is of another kind.
    """
    if path.suffix.lower() == ".png":
        path.write_bytes(_picture(report, title))
    elif path.suffix.lower() == ".html":
        picture = base64.b64encode(_picture(report, title)).decode()
        path.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
            "<style>body{font:16px system-ui;margin:2rem auto;max-width:72rem;padding:0 1rem}img{max-width:100%}</style>"
            f'<h1>{html.escape(title)}</h1><img alt="Price, equity and drawdown" src="data:image/png;base64,{picture}">'
            f"<pre>{html.escape(str(report))}</pre></html>",
            encoding="utf-8",
        )
    else:
        raise BacktestError(f"{path} is neither .png nor .html")


def _picture(report: BacktestReport, title: str) -> bytes:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import pandas as pd

    figure, (price, equity, drawdown) = plt.subplots(
        3, 1, figsize=(12, 9), sharex=True, height_ratios=(3, 2, 1), layout="constrained"
    )
    index = report.equity.index
    price.plot(index, report.bars.close, color="#47505c", linewidth=0.8, label="close")
    trades = report.trades
    if len(trades) <= 500:
        of_long, of_short = (trades[trades["side"] == side] for side in ("long", "short"))
        bought = pd.concat((_points(of_long, "entry"), _points(of_short, "exit")))
        sold = pd.concat((_points(of_long, "exit"), _points(of_short, "entry")))
        price.plot(bought["time"], bought["price"], "^", color="#0c7a4b", markersize=5, label="bought")
        price.plot(sold["time"], sold["price"], "v", color="#b3261e", markersize=5, label="sold")
    price.set_title(title, loc="left")
    equity.plot(index, report.equity_values, color="#1f5fbf", linewidth=1.0, label="strategy")
    equity.plot(index, report.buy_and_hold, color="#9aa5b3", linewidth=0.8, label="buy and hold")
    drawdown.fill_between(index, 100 * report.drawdown, 0, color="#b3261e", alpha=0.35, linewidth=0)
    for axis, label in ((price, "price"), (equity, "equity"), (drawdown, "drawdown, %")):
        axis.set_ylabel(label)
        axis.grid(alpha=0.25)
    price.legend(loc="best", frameon=False)
    equity.legend(loc="best", frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    plt.close(figure)
    return buffer.getvalue()


def _points(trades: pd.DataFrame, end: str) -> pd.DataFrame:
    """The entries or the exits of trades: time and price."""
    return trades[[f"{end}_time", f"{end}_price"]].set_axis(["time", "price"], axis=1)
