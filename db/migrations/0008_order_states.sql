-- Orders that wait: PENDING has been placed and not been looked at, RESTING waits in our book for its price.
-- A value that is added to a type cannot be used in the same transaction, so this is a migration of its own.
ALTER TYPE order_status ADD VALUE 'PENDING' BEFORE 'WORKING';
ALTER TYPE order_status ADD VALUE 'RESTING' BEFORE 'WORKING';
ALTER TYPE order_status ADD VALUE 'EXPIRED';
