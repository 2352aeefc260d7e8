"""Alpaca on one machine: data stream, trade updates and REST in the real wire protocols, on a replayed demo market."""
