"""Deletes what the platform made by itself when its stage is destroyed: the topics of symbols."""
