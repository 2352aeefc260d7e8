-- The edition of its symbol's days that a session on bars of days decided on: its replay sees the same.
ALTER TABLE position_views ADD COLUMN day_edition integer;
