-- An account's owner has it go short, or not: long only is where it begins.
GRANT UPDATE (short_selling) ON users TO stratforge_api;
