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
