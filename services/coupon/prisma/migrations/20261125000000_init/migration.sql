-- A kind of coupon. issued_count is the number of its coupons: it only rises, in the transaction that inserts them, so
-- that no more than total_quantity are ever issued. starts_at and ends_at (exclusive): NULL is no bound.
CREATE TABLE coupon_policies (
  coupon_policy_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name             VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
  discount_amount  BIGINT NOT NULL,
  total_quantity   INT NOT NULL,
  issued_count     INT NOT NULL DEFAULT 0,
  valid_days       INT NOT NULL,
  starts_at        DATETIME(3) NULL,
  ends_at          DATETIME(3) NULL,
  request_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the id of its coupon-policy-created',
  created_at       DATETIME(3) NOT NULL,
  UNIQUE KEY coupon_policies_request (request_id),
  CONSTRAINT coupon_policies_amounts CHECK (discount_amount > 0 AND total_quantity > 0 AND valid_days > 0),
  CONSTRAINT coupon_policies_issued CHECK (issued_count BETWEEN 0 AND total_quantity)
) ENGINE = InnoDB;

-- One row a coupon. coupon_id is the id of the request that took it, and of its coupon-issued event.
-- status: ISSUED, USED (by order_id), EXPIRED (nobody can use it any more).
CREATE TABLE coupons (
  coupon_id        CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  coupon_policy_id BIGINT NOT NULL,
  user_id          BIGINT NOT NULL,
  discount_amount  BIGINT NOT NULL,
  status           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  order_id         CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  issued_at        DATETIME(3) NOT NULL,
  used_at          DATETIME(3) NULL,
  expires_at       DATETIME(3) NOT NULL,
  UNIQUE KEY coupons_policy_user (coupon_policy_id, user_id),
  KEY coupons_user (user_id, coupon_id),
  KEY coupons_expiry (status, expires_at),
  CONSTRAINT coupons_status_known CHECK (status IN ('ISSUED', 'USED', 'EXPIRED')),
  CONSTRAINT coupons_used_by_an_order CHECK ((status = 'USED') = (order_id IS NOT NULL AND used_at IS NOT NULL))
) ENGINE = InnoDB;

-- What became of the coupon that an order names; one row an order that the coupon service has heard of.
-- status: REDEEMED, RETURNED (after REDEEMED), REJECTED, VOID (cancelled before its stock was reserved). Amounts in won,
-- NULL where nothing was redeemed.
CREATE TABLE redemptions (
  order_id        CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  coupon_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  user_id         BIGINT NOT NULL,
  status          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  total_amount    BIGINT NULL,
  discount_amount BIGINT NULL,
  created_at      DATETIME(3) NOT NULL,
  updated_at      DATETIME(3) NOT NULL,
  KEY redemptions_coupon (coupon_id),
  CONSTRAINT redemptions_status_known CHECK (status IN ('REDEEMED', 'RETURNED', 'REJECTED', 'VOID')),
  CONSTRAINT redemptions_amounts CHECK (
    status NOT IN ('REDEEMED', 'RETURNED') OR (discount_amount BETWEEN 0 AND total_amount)
  )
) ENGINE = InnoDB;

-- Requests that take the way over the log, and their outcome.
-- status: PENDING, ISSUED (coupon_id: this request's own id, or the coupon that the user had already), SOLD_OUT.
CREATE TABLE coupon_requests (
  request_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  coupon_policy_id BIGINT NOT NULL,
  user_id          BIGINT NOT NULL,
  status           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  coupon_id        CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  created_at       DATETIME(3) NOT NULL,
  updated_at       DATETIME(3) NOT NULL,
  KEY coupon_requests_age (status, created_at),
  CONSTRAINT coupon_requests_status_known CHECK (status IN ('PENDING', 'ISSUED', 'SOLD_OUT')),
  CONSTRAINT coupon_requests_issued CHECK ((status = 'ISSUED') = (coupon_id IS NOT NULL))
) ENGINE = InnoDB;

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

-- Messages a group could not apply (DEAD), those of the same key behind them (PARKED), what an operator asked for
-- (REDRIVE), and what became of them (REDRIVEN, DISCARDED). The original bytes and headers are kept.
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

-- A key of a client's request → the request it stands for. What that request did is read from its effect (an order, a
-- history row), which carries request_id: the answer to a repeat is never stored twice.
-- The columns of the key are compared byte by byte, and their length stays under InnoDB's 3,072 bytes:
-- 8 + 191 (ascii) + 255 * 4.
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
