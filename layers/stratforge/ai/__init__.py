"""Gemini: the model behind a narrow port, and the prompts."""
