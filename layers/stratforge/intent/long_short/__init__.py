"""Strategies that go long and short, said in plain language: which words are of which side, the rules of each side, and the gate that judges both and how they change."""
