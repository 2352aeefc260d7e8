"""The virtualization layer's pure core: sizing, netting, allocation and settlement, in exact decimals, without I/O."""
