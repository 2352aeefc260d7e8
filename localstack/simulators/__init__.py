"""Simulators of the outside world; they speak the real wire protocols."""
