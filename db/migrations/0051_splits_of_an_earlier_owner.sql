-- A split under a name that another company has taken over since: it explains what happened to its holders, and scales no window of the new owner's history.
ALTER TABLE corporate_actions ADD COLUMN of_earlier_owner boolean NOT NULL DEFAULT false;
