-- Assets of which the broker takes sales only.
ALTER TABLE assets ADD COLUMN sell_only boolean NOT NULL DEFAULT false;
