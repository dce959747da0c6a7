-- The messaging tables every schema has. Copied into each service's first migration.

-- Events waiting for the relay. Columns follow Debezium's outbox event router (aggregatetype = topic, aggregateid = key).
-- `seq` is the order of relaying: events are appended after their aggregate is locked, so for one key it is commit order.
CREATE TABLE outbox (
  seq           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  id            CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregatetype VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregateid   VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  type          VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  payload       MEDIUMBLOB NOT NULL,
  headers       TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  created_at    DATETIME(3) NOT NULL
) ENGINE = InnoDB;

-- The inbox: one row for each event a group has applied. `claim` is the token of the batch that applied it.
CREATE TABLE processed_event (
  consumer_group VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  claim          CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  processed_at   DATETIME(3) NOT NULL,
  PRIMARY KEY (consumer_group, event_id)
) ENGINE = InnoDB;

-- Messages a group could not apply (DEAD), later messages of the same key (PARKED), letters an operator asked to be
-- applied again (REDRIVE), and how they ended (REDRIVEN, DISCARDED). The original bytes and headers are kept.
CREATE TABLE dead_letter (
  id             BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  consumer_group VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  topic          VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partition`    INT NOT NULL,
  `offset`       BIGINT NOT NULL,
  message_key    VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  status         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  event_type     VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL,
  reason         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  error          TEXT CHARACTER SET utf8mb4 NULL,
  attempts       INT NOT NULL,
  payload        LONGBLOB NULL,
  headers        TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  failed_at      DATETIME(3) NOT NULL,
  resolved_at    DATETIME(3) NULL,
  resolution     VARCHAR(500) CHARACTER SET utf8mb4 NULL,
  UNIQUE KEY dead_letter_position (consumer_group, topic, `partition`, `offset`),
  KEY dead_letter_key (consumer_group, message_key, status),
  KEY dead_letter_status (status)
) ENGINE = InnoDB;

-- Keys whose messages a group parks until the dead letter in front of them is redriven or discarded. Consumer and
-- redriver both lock this row, so no message is stranded between them.
CREATE TABLE parked_key (
  consumer_group VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  message_key    VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  topic          VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  parked_at      DATETIME(3) NOT NULL,
  PRIMARY KEY (consumer_group, message_key)
) ENGINE = InnoDB;

-- Replays that operators asked for (REPLAY) and recoveries of a restored schema (RECOVERY): who, why, how, and the
-- outcome. Rows are never removed. status: REQUESTED, RUNNING, DONE, FAILED, CANCELLED.
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

-- Permits of operators: a group may set aside more messages of a partition than its limit a minute, until the permit is
-- used up or has expired. Rows are never removed. NULL in `topic` or `partition`: all of them.
CREATE TABLE set_aside_permit (
  id             BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  consumer_group VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  topic          VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL,
  `partition`    INT NULL,
  most           INT NOT NULL COMMENT 'messages that it allows to be set aside',
  used           INT NOT NULL DEFAULT 0,
  requested_by   VARCHAR(100) CHARACTER SET utf8mb4 NOT NULL,
  reason         VARCHAR(500) CHARACTER SET utf8mb4 NOT NULL,
  requested_at   DATETIME(3) NOT NULL,
  expires_at     DATETIME(3) NOT NULL,
  KEY set_aside_permit_group (consumer_group, expires_at)
) ENGINE = InnoDB;
