-- Orders wait for pieces that other orders hold and have not paid (reservations: WAITING).

-- How many orders wait for the product: a batch looks at the line only where somebody stands in it.
ALTER TABLE products
  ADD COLUMN waiting BIGINT NOT NULL DEFAULT 0 AFTER sold,
  ADD CONSTRAINT products_waiting CHECK (waiting >= 0);

-- waited: whether it was ever WAITING, and so said stock-awaited. The key finds what a user holds and has not paid.
ALTER TABLE reservations
  ADD COLUMN waited TINYINT NOT NULL DEFAULT 0 AFTER total_amount,
  ADD KEY reservations_status (status, user_id);

-- The lines of orders that wait, in the order in which they came (place). Like the stock, they are read and changed only
-- by a transaction that has locked the product, and those of one order by one that has locked all its products.
CREATE TABLE waiting_lines (
  place          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  order_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  product_id     BIGINT NOT NULL,
  quantity       INT NOT NULL,
  expected_total BIGINT NULL COMMENT 'of the order, won',
  KEY waiting_lines_product (product_id),
  KEY waiting_lines_order (order_id),
  CONSTRAINT waiting_lines_quantity CHECK (quantity > 0)
) ENGINE = InnoDB;
