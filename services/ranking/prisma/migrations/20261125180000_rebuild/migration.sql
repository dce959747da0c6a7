-- While a generation is rebuilt, batches write to it too: which one, what of it, and for which row of `replay`. NULL without.
ALTER TABLE ranking_state
  ADD COLUMN next_generation INT NULL,
  ADD COLUMN first_day DATE NULL COMMENT 'recounted from this day on; NULL: all days',
  ADD COLUMN copied_day DATE NULL COMMENT 'days before first_day up to this one are copied from the live generation',
  ADD COLUMN replay_id BIGINT UNSIGNED NULL;

-- One row for each rebuild, never removed: so a generation's number comes once only.
CREATE TABLE ranking_rebuild (
  generation INT NOT NULL PRIMARY KEY,
  replay_id  BIGINT UNSIGNED NOT NULL,
  comparison MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'JSON: the generations before the swap; NULL: not swapped',
  begun_at   DATETIME(3) NOT NULL,
  swapped_at DATETIME(3) NULL,
  KEY ranking_rebuild_replay (replay_id)
) ENGINE = InnoDB;
