-- What language models took, by day, model and purpose, for the operators' page: no person and no request is named.
CREATE TABLE model_usage (
    day             date    NOT NULL DEFAULT current_date,
    model           text    NOT NULL,
    purpose         text    NOT NULL CHECK (purpose IN ('strategy', 'research')),
    calls           bigint  NOT NULL DEFAULT 0,
    prompt_tokens   bigint  NOT NULL DEFAULT 0,
    cached_tokens   bigint  NOT NULL DEFAULT 0,
    answer_tokens   bigint  NOT NULL DEFAULT 0,
    -- Of the calls, those whose price was known, and what they cost by the prices of their day.
    priced_calls    bigint  NOT NULL DEFAULT 0,
    dollars         numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (day, model, purpose)
);
GRANT SELECT, INSERT, UPDATE ON model_usage TO stratforge_engine;
CREATE FUNCTION operator_model_usage(days integer) RETURNS SETOF model_usage
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT * FROM model_usage WHERE is_operator() AND day > current_date - days ORDER BY day DESC, model, purpose
$$;
REVOKE ALL ON FUNCTION operator_model_usage(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION operator_model_usage(integer) TO stratforge_api;
