"""Orders, blocks, fills, positions and balances: everything that money and shares depend on."""
