-- An operator's halt is his, also of a symbol that is halted for something else: nothing else lifts it.
CREATE OR REPLACE FUNCTION operator_halt_symbol(halted text, why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    INSERT INTO symbol_halts (symbol, reason, details) SELECT halted, 'OPERATOR', why WHERE is_operator()
    ON CONFLICT (symbol) DO UPDATE SET reason = 'OPERATOR', details = excluded.details;
    RETURN FOUND AND note_operator_action('halt symbol', halted, why);
END
$$;
