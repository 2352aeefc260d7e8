"""The keys that the simulators take. Who only hands them on needs nothing else of a simulator."""

ALPACA_KEY_ID, ALPACA_SECRET_KEY = "simulated-key", "simulated-secret"
GEMINI_API_KEY = "simulated-gemini-key"
