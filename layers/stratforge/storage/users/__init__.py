"""Users, their credentials, and everything that is stored about one."""
