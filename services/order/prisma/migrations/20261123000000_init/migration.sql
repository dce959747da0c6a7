-- Orders: one row an order, its lines, and each step of its life.

-- An amount that is not known yet is NULL: total_amount until the stock is reserved, paid_amount and discount_amount
-- until the points are taken. No foreign keys: a child row would take a shared lock on its order in every insert, and
-- all rows of an order are written by the transaction that holds its row.
CREATE TABLE orders (
  order_id        CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  user_id         BIGINT NOT NULL,
  coupon_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  status          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  expected_total  BIGINT NULL,
  total_amount    BIGINT NULL,
  discount_amount BIGINT NULL,
  paid_amount     BIGINT NULL,
  -- The number of its rows in order_history.
  version         INT NOT NULL,
  -- W3C trace context of the request that placed it.
  traceparent     VARCHAR(55) CHARACTER SET ascii COLLATE ascii_bin NULL,
  created_at      DATETIME(3) NOT NULL,
  updated_at      DATETIME(3) NOT NULL,
  completed_at    DATETIME(3) NULL,
  KEY orders_user (user_id, order_id),
  KEY orders_status (status, created_at),
  CONSTRAINT orders_status_known CHECK (status IN ('PENDING', 'COMPLETED', 'CANCELLED')),
  CONSTRAINT orders_paid_in_full CHECK (
    status <> 'COMPLETED' OR (completed_at IS NOT NULL AND paid_amount + discount_amount = total_amount)
  )
) ENGINE = InnoDB;

-- Name and unit price are the catalog's, NULL until it has reserved the stock.
CREATE TABLE order_items (
  order_id   CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  product_id BIGINT NOT NULL,
  quantity   INT NOT NULL,
  name       VARCHAR(255) CHARACTER SET utf8mb4 NULL,
  unit_price BIGINT NULL,
  PRIMARY KEY (order_id, product_id),
  CONSTRAINT order_items_quantity CHECK (quantity BETWEEN 1 AND 1000)
) ENGINE = InnoDB;

-- Every event an order heard or sent, in the order it came about; data is the event's data as JSON.
CREATE TABLE order_history (
  order_id    CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seq         INT NOT NULL,
  event_id    CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  type        VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  data        MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  happened_at DATETIME(3) NOT NULL,
  PRIMARY KEY (order_id, seq)
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
