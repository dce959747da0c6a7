-- What is for sale. Only stock moves with orders; name, price and restocks are the operators'.
-- `version` counts the operators' changes: each is a row of product_changes and a product-changed event.
CREATE TABLE products (
  product_id    BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name          VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  price         BIGINT NOT NULL,
  initial_stock BIGINT NOT NULL,
  restocked     BIGINT NOT NULL DEFAULT 0,
  available     BIGINT NOT NULL,
  reserved      BIGINT NOT NULL DEFAULT 0,
  sold          BIGINT NOT NULL DEFAULT 0,
  version       BIGINT NOT NULL DEFAULT 1,
  created_at    DATETIME(3) NOT NULL,
  updated_at    DATETIME(3) NOT NULL,
  CONSTRAINT products_price CHECK (price >= 0),
  CONSTRAINT products_stock CHECK (available >= 0 AND reserved >= 0 AND sold >= 0 AND initial_stock >= 0 AND restocked >= 0),
  CONSTRAINT products_balance CHECK (initial_stock + restocked = available + reserved + sold)
) ENGINE = InnoDB;

-- Every change an operator made, with what the row was afterwards: the answer to a repeat of the request. `request_id` is
-- the id of its product-changed event, so that one row implies one event.
CREATE TABLE product_changes (
  request_id  CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  product_id  BIGINT NOT NULL,
  version     BIGINT NOT NULL,
  change_type VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name        VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  price       BIGINT NOT NULL,
  stock_delta BIGINT NOT NULL,
  available   BIGINT NOT NULL,
  created_at  DATETIME(3) NOT NULL,
  UNIQUE KEY product_changes_version (product_id, version)
) ENGINE = InnoDB;

-- One row an order that the catalog has heard of. status: ACTIVE, SOLD, RELEASED, REJECTED, VOID.
-- No foreign keys here: they would lock the product row in shared mode before the batch locks it for itself.
CREATE TABLE reservations (
  order_id     CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  user_id      BIGINT NOT NULL,
  coupon_id    CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  status       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  total_amount BIGINT NOT NULL DEFAULT 0,
  created_at   DATETIME(3) NOT NULL,
  updated_at   DATETIME(3) NOT NULL
) ENGINE = InnoDB;

-- The lines of reservations that hold or held stock, with the name and price of that moment.
CREATE TABLE reservation_lines (
  order_id   CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  product_id BIGINT NOT NULL,
  name       VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  unit_price BIGINT NOT NULL,
  quantity   INT NOT NULL,
  PRIMARY KEY (order_id, product_id),
  CONSTRAINT reservation_lines_quantity CHECK (quantity > 0)
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
