-- What language models took for a job: a request with repairs is several calls, and each is paid for.
ALTER TABLE jobs
    ADD COLUMN calls        integer NOT NULL DEFAULT 0,
    -- Of the calls, those whose price was known, and what they cost by the prices of their day.
    ADD COLUMN priced_calls integer NOT NULL DEFAULT 0,
    ADD COLUMN dollars      numeric NOT NULL DEFAULT 0;

CREATE FUNCTION operator_request_costs(days integer)
    RETURNS TABLE (day date, kind text, requests bigint, calls bigint, tokens bigint, priced_calls bigint, dollars numeric)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT j.created_at::date, j.kind::text, count(*), sum(j.calls), sum(j.tokens), sum(j.priced_calls), sum(j.dollars)
    FROM jobs j WHERE is_operator() AND j.calls > 0 AND j.created_at >= current_date - days + 1 GROUP BY 1, 2 ORDER BY 1 DESC, 2
$$;
CREATE FUNCTION operator_dearest_jobs(days integer, how_many integer)
    RETURNS TABLE (job_id uuid, kind text, status text, created_at timestamptz, attempts integer, calls integer, tokens integer, priced_calls integer, dollars numeric)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT j.id, j.kind::text, j.status::text, j.created_at, j.attempts, j.calls, j.tokens, j.priced_calls, j.dollars
    FROM jobs j WHERE is_operator() AND j.calls > 0 AND j.created_at >= current_date - days + 1
    ORDER BY j.dollars DESC, j.tokens DESC, j.id LIMIT how_many
$$;
REVOKE ALL ON FUNCTION operator_request_costs(integer), operator_dearest_jobs(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION operator_request_costs(integer), operator_dearest_jobs(integer, integer) TO stratforge_api;
