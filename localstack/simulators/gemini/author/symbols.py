"""Names of companies and coins, and capitals that are no symbols."""

from __future__ import annotations

COMPANIES = {
    "apple": "AAPL",
    "google": "GOOG",
    "alphabet": "GOOG",
    "microsoft": "MSFT",
    "facebook": "META",
    "meta": "META",
    "ibm": "IBM",
    "tesla": "TSLA",
    "nvidia": "NVDA",
    "amazon": "AMZN",
    "netflix": "NFLX",
    "intel": "INTC",
    "amd": "AMD",
    "disney": "DIS",
    "paypal": "PYPL",
    "boeing": "BA",
    "bitcoin": "BTC/USD",
    "btc": "BTC/USD",
    "ethereum": "ETH/USD",
    "ether": "ETH/USD",
    "eth": "ETH/USD",
    "solana": "SOL/USD",
    "dogecoin": "DOGE/USD",
    "litecoin": "LTC/USD",
}
# Words that people write in capitals and that are no symbol.
NOT_SYMBOLS = frozenset(
    """
    A I AM PM ET EST EDT NY UTC GMT CET PST USD US OK AI API ETF IT IS IN ON AT TO OF BY BE DO GO NO SO UP OR AND NOT BUT IF AS AN THE
    ALL ANY NOW NEW MAX MIN PER DAY END TWO TEN OUT OFF LOW HIGH OPEN CLOSE HOD LOD VOL MA MAS SMA EMA WMA HMA RMA DEMA TEMA RSI MACD
    ATR ADX CCI MFI ROC MOM OBV BB BBS BBANDS KC DC SAR PSAR DI STOCH K D R VWAP BUY SELL LONG SHORT STOP LOSS EXIT ENTER ENTRY TP SL PT
    TSL ONLY NEVER ALWAYS WHEN THEN ELSE WHILE UNTIL ONCE WITH FROM OVER UNDER ABOVE BELOW CROSS EACH EVERY TRADE RISK CASH HOLD TAKE
    PRICE UPPER LOWER BAND LAST FIRST HALF TREND PLEASE WRITE MAKE ADD USE SET KAUFE WENN UND ODER HFT DCA PNL FOMO YOLO
    MON TUE WED THU FRI EOD ATH BTFD RTH
    """.split()
)
