-- Whether a PENDING order waits in the catalog's line for pieces that other orders hold: admission does not count it.
ALTER TABLE orders
  ADD COLUMN awaits_stock TINYINT NOT NULL DEFAULT 0 AFTER version,
  DROP KEY orders_status,
  ADD KEY orders_status (status, created_at, awaits_stock);
