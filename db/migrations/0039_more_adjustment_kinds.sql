-- What is settled of odd lots, and what the broker rounded otherwise than the ledger, are kinds of their own: nobody reads them out of a cause.
ALTER TYPE adjustment_kind ADD VALUE 'ODD_LOTS';
ALTER TYPE adjustment_kind ADD VALUE 'ROUNDING';
