-- What operators asked to be replayed (REPLAY), and the recoveries of a restored schema (RECOVERY): who, why, how, and
-- what came of it. Rows are never removed. status: REQUESTED, RUNNING, DONE, FAILED, CANCELLED.
CREATE TABLE replay (
  id             BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  kind           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  consumer_group VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  requested_by   VARCHAR(100) CHARACTER SET utf8mb4 NOT NULL,
  reason         VARCHAR(500) CHARACTER SET utf8mb4 NOT NULL,
  filters        TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'JSON: types, key, from, to',
  ranges         TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'JSON: topic, partition, from, to (offsets)',
  plan           TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'JSON: what the operator was shown',
  progress       TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'JSON: topic/partition to the next offset',
  rate           INT NOT NULL COMMENT 'most messages a second',
  max_lag        INT NOT NULL COMMENT 'it pauses while the group itself is further behind',
  facts          BIGINT NOT NULL DEFAULT 0 COMMENT 'own events applied by a recovery',
  applied        BIGINT NOT NULL DEFAULT 0,
  duplicate      BIGINT NOT NULL DEFAULT 0,
  parked         BIGINT NOT NULL DEFAULT 0,
  dead           BIGINT NOT NULL DEFAULT 0,
  skipped        BIGINT NOT NULL DEFAULT 0,
  error          TEXT CHARACTER SET utf8mb4 NULL,
  requested_at   DATETIME(3) NOT NULL,
  started_at     DATETIME(3) NULL,
  updated_at     DATETIME(3) NOT NULL,
  finished_at    DATETIME(3) NULL,
  KEY replay_status (status)
) ENGINE = InnoDB;
