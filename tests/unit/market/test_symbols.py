"""Symbols and their encoding."""

import pytest
from stratforge.market import InvalidSymbol, decode_symbol, encode_symbol, is_crypto, parse_symbol


@pytest.mark.parametrize("symbol", ["AAPL", "BRK.B", "BTC/USD", "A"])
def test_encoding_is_reversible_and_fit_for_topic_names(symbol: str) -> None:
    assert decode_symbol(encode_symbol(symbol)) == symbol
    assert encode_symbol(symbol).replace("_", "").isalnum()


@pytest.mark.parametrize("text", ["", "aapl;drop", "../etc", "TOOLONGSYMBOL", "A B", "BTC/", "Ａ"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidSymbol):
        parse_symbol(text)


def test_crypto_is_known_by_its_slash() -> None:
    assert is_crypto("BTC/USD")
    assert not is_crypto("AAPL")
