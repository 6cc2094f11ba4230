-- The merged pull request that this one takes back; 0 for none.
ALTER TABLE pull ADD COLUMN reverts INTEGER NOT NULL DEFAULT 0;
