"""The API's resource `ai`: strategies and research by language model."""
