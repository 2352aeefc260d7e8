"""Gemini on one machine: generateContent in the real wire protocol, answered by a deterministic author that works offline."""
