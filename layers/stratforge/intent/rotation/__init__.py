"""The intent contract of portfolio strategies: what words say of a universe, its times, ranks and weights, as formal rules that code is held against."""
