"""The authorizer of the API's own address: it admits the edge alone."""
