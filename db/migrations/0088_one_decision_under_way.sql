-- A portfolio session has one decision under way at most: what an older one was still to buy is dropped.
UPDATE rebalances r SET status = 'CALLED_OFF' WHERE status = 'SELLING' AND EXISTS (
    SELECT FROM rebalances later WHERE later.session_id = r.session_id AND later.moment > r.moment);
CREATE UNIQUE INDEX rebalances_under_way ON rebalances (session_id) WHERE status = 'SELLING';
-- Whoever pauses a session calls off what it was to buy.
GRANT UPDATE (status) ON rebalances TO stratforge_api;
