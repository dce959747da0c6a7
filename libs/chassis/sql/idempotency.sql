-- The key of a client's request → the request it stands for. A repeat is answered from the effect of that request (an
-- order, a history row), which carries request_id: no answer is stored twice.
-- Key columns are compared byte by byte, and their length stays under InnoDB's 3,072 bytes: 8 + 191 (ascii) + 255 * 4.
CREATE TABLE idempotency_key (
  user_id      BIGINT NOT NULL,
  scope        VARCHAR(191) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'method and path',
  idem_key     VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'the Idempotency-Key header',
  request_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the canonical body',
  request_id   CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'stored with the effect too',
  created_at   DATETIME(3) NOT NULL,
  PRIMARY KEY (user_id, scope, idem_key),
  KEY idempotency_key_created_at (created_at)
) ENGINE = InnoDB;
